package fakestripe

import (
	"net/url"
	"slices"
	"time"
)

// dispute is https://docs.stripe.com/api/disputes/object, and lives as https://docs.stripe.com/disputes/how-disputes-work says.
type dispute struct {
	id, status, reason string
	amount, created    int64
	intent             *intent
	// moved are the amounts that were withdrawn from the account and reinstated, oldest first.
	moved []int64
}

// withdrawing are the states in which the charge cannot be refunded. A lost dispute has given the money back already.
var withdrawing = []string{"needs_response", "under_review", "lost"}

func (d *dispute) shape() object {
	moves := []object{}
	for _, minor := range d.moved {
		moves = append(moves, object{"id": "txn_" + d.id, "object": "balance_transaction", "amount": minor, "currency": d.intent.currency})
	}
	return object{
		"id": d.id, "object": "dispute", "amount": d.amount, "balance_transactions": moves, "charge": d.intent.charge, "created": d.created,
		"currency": d.intent.currency, "evidence_details": object{"due_by": d.dueBy(), "has_evidence": false, "past_due": false, "submission_count": 0},
		"is_charge_refundable": !slices.Contains(withdrawing, d.status), "livemode": false, "metadata": object{}, "payment_intent": d.intent.id,
		"reason": d.reason, "status": d.status,
	}
}

// dueBy is a week after the dispute was made, while evidence is asked for.
func (d *dispute) dueBy() any {
	if d.status != "needs_response" && d.status != "warning_needs_response" {
		return nil
	}
	return d.created + int64((7 * 24 * time.Hour).Seconds())
}

// disputesOf are a PaymentIntent's, oldest first.
func (s *Stripe) disputesOf(i *intent) (of []*dispute) {
	for _, d := range s.disputes {
		if d.intent == i {
			of = append(of, d)
		}
	}
	return of
}

// withdrawn: the bank has the money.
func (s *Stripe) withdrawn(i *intent) bool {
	return slices.ContainsFunc(s.disputesOf(i), func(d *dispute) bool { return slices.Contains(withdrawing, d.status) })
}

// listDisputes is https://docs.stripe.com/api/disputes/list.
func (s *Stripe) listDisputes(_ string, form url.Values) answer {
	i := s.find(form.Get("payment_intent"))
	if i == nil {
		return invalid("resource_missing", "payment_intent")
	}
	return list(form, "/v1/disputes", s.disputesOf(i), func(d *dispute) string { return d.id }, (*dispute).shape)
}

// Dispute makes a bank question an amount of a charge, which withdraws it, or with inquiry only ask about it.
func (s *Stripe) Dispute(intentID string, amount int64, inquiry bool) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openDispute(s.find(intentID), amount, inquiry).id
}

func (s *Stripe) openDispute(i *intent, amount int64, inquiry bool) *dispute {
	d := &dispute{id: s.newID("du"), status: "warning_needs_response", reason: "product_not_received", amount: amount, created: s.now().Unix(), intent: i}
	s.warningsChange(i, func() { s.disputes = append(s.disputes, d) })
	if !inquiry {
		d.status = "needs_response"
		d.moved = []int64{-amount}
	}
	s.happened("charge.dispute.created", d.shape())
	if !inquiry {
		s.happened("charge.dispute.funds_withdrawn", d.shape())
	}
	return d
}

// MoveDispute gives a dispute its next state. An inquiry that becomes needs_response withdraws the money, a dispute that is won brings it back.
func (s *Stripe) MoveDispute(id, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.disputes, func(d *dispute) bool { return d.id == id })
	s.moveDispute(s.disputes[at], status)
}

func (s *Stripe) moveDispute(d *dispute, status string) {
	d.status = status
	withdraws := status == "needs_response" && len(d.moved) == 0
	reinstates := status == "won"
	switch {
	case withdraws:
		d.moved = append(d.moved, -d.amount)
	case reinstates:
		d.moved = append(d.moved, d.amount)
	}
	switch status {
	case "won", "lost", "warning_closed", "prevented":
		s.happened("charge.dispute.closed", d.shape())
	default:
		s.happened("charge.dispute.updated", d.shape())
	}
	switch {
	case withdraws:
		s.happened("charge.dispute.funds_withdrawn", d.shape())
	case reinstates:
		s.happened("charge.dispute.funds_reinstated", d.shape())
	}
}

// Prevent makes a bank and Stripe settle a dispute before it begins, with the charge's money or without:
// https://docs.stripe.com/changelog/basil/2025-08-27/add-preventions-to-dispute.
func (s *Stripe) Prevent(intentID string, amount int64, withdrawn bool) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &dispute{id: s.newID("du"), reason: "fraudulent", amount: amount, created: s.now().Unix(), intent: s.find(intentID)}
	if withdrawn {
		d.moved = []int64{-amount}
	}
	s.warningsChange(d.intent, func() { s.disputes = append(s.disputes, d) })
	s.moveDispute(d, "prevented")
	return d.id
}

// warning is https://docs.stripe.com/api/radar/early_fraud_warnings/object.
type warning struct {
	id, fraudType string
	created       int64
	intent        *intent
}

// actionable: the charge has received no dispute and is not wholly refunded.
func (s *Stripe) actionable(w *warning) bool {
	return len(s.disputesOf(w.intent)) == 0 && s.returned(w.intent) < w.intent.captured
}

// warningsChange tells of the warnings of a charge that can be acted on no more, or again, after what is done.
func (s *Stripe) warningsChange(i *intent, do func()) {
	before := map[*warning]bool{}
	for _, w := range s.warnings {
		before[w] = s.actionable(w)
	}
	do()
	for _, w := range s.warnings {
		if w.intent == i && s.actionable(w) != before[w] {
			s.happened("radar.early_fraud_warning.updated", s.warningShape(w))
		}
	}
}

func (s *Stripe) warningShape(w *warning) object {
	return object{
		"id": w.id, "object": "radar.early_fraud_warning", "actionable": s.actionable(w),
		"charge": w.intent.charge, "created": w.created, "fraud_type": w.fraudType, "livemode": false, "payment_intent": w.intent.id,
	}
}

// listWarnings is https://docs.stripe.com/api/radar/early_fraud_warnings/list.
func (s *Stripe) listWarnings(_ string, form url.Values) answer {
	i := s.find(form.Get("payment_intent"))
	if i == nil {
		return invalid("resource_missing", "payment_intent")
	}
	of := slices.DeleteFunc(slices.Clone(s.warnings), func(w *warning) bool { return w.intent != i })
	return list(form, "/v1/radar/early_fraud_warnings", of, func(w *warning) string { return w.id }, s.warningShape)
}

// Warn makes the card's issuer say that a charge may be fraud: https://docs.stripe.com/disputes/measuring#early-fraud-warnings.
func (s *Stripe) Warn(intentID string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.warn(s.find(intentID), "made_with_stolen_card").id
}

func (s *Stripe) warn(i *intent, fraudType string) *warning {
	w := &warning{id: s.newID("issfr"), fraudType: fraudType, created: s.now().Unix(), intent: i}
	s.warnings = append(s.warnings, w)
	s.happened("radar.early_fraud_warning.created", s.warningShape(w))
	return w
}
