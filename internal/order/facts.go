package order

import (
	"fmt"

	"github.com/orderwire/orderwire/internal/payment"
)

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
			r.timer(o, c, policy, f.Payment())
		}
		payments := f.Among(o.Payments, index)
		if holdsDelivery(payments) {
			o.DeliversAt = nil
		}
		cause := c
		if f.Automatic {
			cause = c.by(ActorSystem)
		}
		o.recordAsOf(cause, r.event, dataOf(f), payments)
	}
	return nil
}

func dataOf(f *payment.Fact) EventData {
	return EventData{
		PaymentID: f.PaymentID, RefundID: f.RefundID, DisputeID: f.DisputeID, Amount: f.Amount, DeclineCode: f.DeclineCode, Attention: f.Attention, Reason: f.Reason,
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
