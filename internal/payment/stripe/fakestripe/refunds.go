package fakestripe

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
)

type refund struct {
	id, status, failure string
	amount              int64
	intent              *intent
	metadata            map[string]string
}

func (r *refund) shape() object {
	o := object{
		"id": r.id, "object": "refund", "amount": r.amount, "charge": r.intent.charge, "currency": r.intent.currency,
		"metadata": maps.Clone(r.metadata), "payment_intent": r.intent.id, "status": r.status,
	}
	if r.failure != "" {
		o["failure_reason"] = r.failure
	}
	return o
}

func (s *Stripe) refund(_ string, form url.Values) answer {
	i := s.find(form.Get("payment_intent"))
	if i == nil {
		return invalid("resource_missing", "payment_intent")
	}
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	switch {
	case err != nil || amount < 1:
		return invalid("parameter_invalid_integer", "amount")
	case i.captured > 0 && i.refunded == i.captured:
		return invalid("charge_already_refunded", "")
	case amount > i.captured-i.refunded:
		return invalid("", "amount")
	}
	r := &refund{id: s.newID("re"), status: "succeeded", amount: amount, intent: i, metadata: metadata(form)}
	if i.method == PendingRefund {
		r.status = "pending"
	}
	i.refunded += amount
	s.refunds = append(s.refunds, r)
	s.happened("refund.created", r.shape())
	s.happened("charge.refunded", i.chargeShape())
	return found(r.shape())
}

// list is newest first, in pages.
func (s *Stripe) list(_ string, form url.Values) answer {
	limit, err := strconv.Atoi(form.Get("limit"))
	if err != nil || limit < 1 || limit > 100 {
		return invalid("parameter_invalid_integer", "limit")
	}
	all := slices.DeleteFunc(slices.Clone(s.refunds), func(r *refund) bool { return r.intent.id != form.Get("payment_intent") })
	slices.Reverse(all)
	if after := form.Get("starting_after"); after != "" {
		all = all[slices.IndexFunc(all, func(r *refund) bool { return r.id == after })+1:]
	}
	page := []object{}
	for _, r := range all[:min(limit, len(all))] {
		page = append(page, r.shape())
	}
	return found(object{"object": "list", "data": page, "has_more": len(all) > limit, "url": "/v1/refunds"})
}

// Refunds are the ids of a PaymentIntent's refunds, oldest first.
func (s *Stripe) Refunds(intentID string) (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.refunds {
		if r.intent.id == intentID {
			ids = append(ids, r.id)
		}
	}
	return ids
}

// SettleRefund ends a refund: pending or succeeded ones succeed, or fail and give the money back to the account, as a
// bank may decide days later.
func (s *Stripe) SettleRefund(id string, success bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.refunds {
		switch {
		case r.id != id || r.status == "failed":
		case success:
			r.status = "succeeded"
			s.happened("refund.updated", r.shape())
		default:
			r.status, r.failure = "failed", "lost_or_stolen_card"
			r.intent.refunded -= r.amount
			s.happened("refund.failed", r.shape())
		}
	}
}
