package fakestripe

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
)

// refund is https://docs.stripe.com/api/refunds/object.
type refund struct {
	id, status, failure, reason string
	amount, created             int64
	intent                      *intent
	metadata                    map[string]string
	// release: it gives back what was held and not captured, so no money moved.
	release bool
}

// counts reports whether the refund is in the charge's amount_refunded: one that failed or was canceled gives its amount back.
func (r *refund) counts() bool { return r.status != "failed" && r.status != "canceled" }

func (r *refund) shape() object {
	o := object{
		"id": r.id, "object": "refund", "amount": r.amount, "balance_transaction": nil, "charge": r.intent.charge, "created": r.created,
		"currency": r.intent.currency, "metadata": maps.Clone(r.metadata), "payment_intent": r.intent.id, "reason": nil, "status": r.status,
	}
	if !r.release && r.status != "requires_action" {
		o["balance_transaction"] = "txn_" + r.id
	}
	if r.reason != "" {
		o["reason"] = r.reason
	}
	if r.failure != "" {
		o["failure_reason"] = r.failure
	}
	return o
}

// refundsOf are a PaymentIntent's, oldest first.
func (s *Stripe) refundsOf(i *intent) (of []*refund) {
	for _, r := range s.refunds {
		if r.intent == i {
			of = append(of, r)
		}
	}
	return of
}

// returned returns the refunded and pending part of the captured money.
func (s *Stripe) returned(i *intent) (minor int64) {
	for _, r := range s.refundsOf(i) {
		if r.counts() && !r.release {
			minor += r.amount
		}
	}
	return minor
}

// newestRefunds is the list that an expanded charge has: the ten newest. https://docs.stripe.com/api/refunds/list
func (s *Stripe) newestRefunds(i *intent) object {
	all := s.refundsOf(i)
	slices.Reverse(all)
	page := []object{}
	for _, r := range all[:min(10, len(all))] {
		page = append(page, r.shape())
	}
	return object{"object": "list", "data": page, "has_more": len(all) > 10, "url": "/v1/charges/" + i.charge + "/refunds"}
}

// release refunds what was held and not captured.
func (s *Stripe) release(i *intent, minor int64, reason string) {
	if minor > 0 {
		s.refunds = append(s.refunds, &refund{
			id: s.newID("re"), status: "succeeded", amount: minor, created: s.now().Unix(), intent: i, reason: reason, release: true,
		})
	}
}

func (s *Stripe) refund(_ string, form url.Values) answer {
	i := s.find(form.Get("payment_intent"))
	if i == nil {
		return invalid("resource_missing", "payment_intent")
	}
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	left := i.captured - s.returned(i)
	switch {
	case err != nil || amount < 1:
		return invalid("parameter_invalid_integer", "amount")
	case s.withdrawn(i): // https://docs.stripe.com/error-codes#charge-disputed
		return invalid("charge_disputed", "")
	case i.captured > 0 && left == 0: // https://docs.stripe.com/error-codes#charge-already-refunded
		return invalid("charge_already_refunded", "")
	case amount > left: // https://docs.stripe.com/api/refunds/create: "you can't refund more than the remaining, unrefunded amount"
		return invalid("", "amount")
	}
	r := s.giveBack(i, amount, metadata(form))
	return found(r.shape())
}

// giveBack makes a refund in the state that the payment method leads to: https://docs.stripe.com/testing#refunds.
func (s *Stripe) giveBack(i *intent, amount int64, metadata map[string]string) *refund {
	r := &refund{id: s.newID("re"), status: "succeeded", amount: amount, created: s.now().Unix(), intent: i, metadata: metadata}
	switch i.method {
	case PendingRefund:
		r.status = "pending"
	case ActionRefund:
		r.status = "requires_action"
	}
	s.warningsChange(i, func() { s.refunds = append(s.refunds, r) })
	s.happened("refund.created", r.shape())
	s.happened("charge.refunded", s.chargeShape(i))
	return r
}

// listRefunds is https://docs.stripe.com/api/refunds/list.
func (s *Stripe) listRefunds(_ string, form url.Values) answer {
	i := s.find(form.Get("payment_intent"))
	if i == nil {
		return invalid("resource_missing", "payment_intent")
	}
	return list(form, "/v1/refunds", s.refundsOf(i), func(r *refund) string { return r.id }, (*refund).shape)
}

// SettleRefund ends a refund: pending or succeeded ones succeed, or fail and give the money back to the account, as a
// bank may decide days later: https://docs.stripe.com/refunds#failed-refunds.
func (s *Stripe) SettleRefund(id string, success bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.refunds {
		switch {
		case r.id != id || !r.counts() || r.release:
		case success:
			s.moveRefund(r, "succeeded", "")
		default:
			s.moveRefund(r, "failed", "lost_or_stolen_card")
		}
	}
}

// CancelRefund cancels a refund that waits for the customer, as people do in Stripe's dashboard. It reports whether that was
// possible: https://docs.stripe.com/api/refunds/cancel.
func (s *Stripe) CancelRefund(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.refunds, func(r *refund) bool { return r.id == id && r.status == "requires_action" })
	if at >= 0 {
		s.moveRefund(s.refunds[at], "canceled", "merchant_request")
	}
	return at >= 0
}

// moveRefund also tells by the events that Stripe sends of all refunds, and of some payment methods:
// https://docs.stripe.com/api/events/types#event_types-refund.updated.
func (s *Stripe) moveRefund(r *refund, status, failure string) {
	s.warningsChange(r.intent, func() { r.status, r.failure = status, failure })
	if r.counts() {
		r.failure = ""
	}
	s.happened("refund.updated", r.shape())
	s.happened("charge.refund.updated", r.shape())
	if status == "failed" {
		s.happened("refund.failed", r.shape())
	}
}
