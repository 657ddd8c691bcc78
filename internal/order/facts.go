package order

import (
	"fmt"

	"github.com/orderwire/orderwire/internal/payment"
)

// reaction is what a fact about a payment means for its order.
type reaction struct {
	event EventType
	// action is the order's transition, "" for none.
	action Action
	// timer sets the order's timers, nil for none.
	timer func(*Order, Cause, Policy)
}

// reactions maps each fact about a payment to what follows from it for the order. Nothing else in this package reacts to payments.
var reactions = map[payment.FactKind]reaction{
	payment.FactProcessing:      {event: PaymentProcessing},
	payment.FactActionRequired:  {event: PaymentActionRequired},
	payment.FactAuthorized:      {event: PaymentAuthorized, timer: stopExpiry},
	payment.FactCharged:         {event: PaymentConfirmed, action: Pay, timer: startDelivery},
	payment.FactDeclined:        {event: PaymentDeclined},
	payment.FactVoided:          {event: PaymentVoided, timer: restartExpiry},
	payment.FactExpired:         {event: PaymentExpired, timer: restartExpiry},
	payment.FactNeedsAttention:  {event: PaymentNeedsAttention},
	payment.FactRefundRequested: {event: RefundCreated},
	payment.FactRefundSucceeded: {event: RefundSucceeded},
	payment.FactRefundFailed:    {event: RefundFailed},
}

// stopExpiry ends the order's expiry: an authorization expires at a time of its own.
func stopExpiry(o *Order, _ Cause, _ Policy) { o.ExpiresAt = nil }

// startDelivery starts the timer that delivers a paid order, unless the order is being cancelled.
func startDelivery(o *Order, c Cause, policy Policy) {
	o.ExpiresAt = nil
	if o.Status == Confirmed {
		o.DeliversAt = at(c.Now.Add(policy.DeliveryDelay))
	}
}

// restartExpiry gives an unpaid order whose expiry was stopped the whole time to be paid again.
func restartExpiry(o *Order, c Cause, policy Policy) {
	if o.Status == Created && o.ExpiresAt == nil {
		o.ExpiresAt = at(c.Now.Add(policy.Expiry))
	}
}

// take records an event for each fact about the payment at an index, after the transition and the timers that follow from it.
func (o *Order) take(c Cause, policy Policy, index int, facts []payment.Fact) error {
	for i := range facts {
		f := &facts[i]
		r, known := reactions[f.Kind]
		if !known {
			return fmt.Errorf("payment %s: unknown fact %q", o.Payments[index].ID, f.Kind)
		}
		if r.action != "" {
			if err := o.apply(r.action); err != nil {
				return err
			}
		}
		if r.timer != nil {
			r.timer(o, c, policy)
		}
		cause := c
		if f.Automatic {
			cause = c.by(ActorSystem)
		}
		o.recordAsOf(cause, r.event, dataOf(f), f.Among(o.Payments, index))
	}
	return nil
}

func dataOf(f *payment.Fact) EventData {
	return EventData{
		PaymentID: f.PaymentID, RefundID: f.RefundID, Amount: f.Amount, DeclineCode: f.DeclineCode, Attention: f.Attention, Reason: f.Reason,
	}
}

// terms returns the terms of a change to a payment of the order.
func (o *Order) terms(c Cause, policy Policy) payment.Terms {
	t := payment.Terms{
		Now: c.Now, StepDelay: policy.StepDelay, AuthorizationExpiry: policy.AuthorizationExpiry,
		Unwinding: o.Status == Cancelling,
		TimeUp:    o.CancelReason != nil && *o.CancelReason == CancelledByExpiry,
	}
	t.SortAfter(o.Payments)
	return t
}
