package order

import (
	"time"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/payment"
)

// Cancel accepts a cancellation: the order is CANCELLING and goes on, by itself, to CANCELLED once no money is left
// with us. Cancelling what is cancelling or cancelled changes nothing. Refused is only what is delivered, with
// ALREADY_DELIVERED.
func (o *Order) Cancel(c Cause, reason CancelReason) error {
	if !Machine.Changes(o.Status, Cancel) {
		if _, err := Machine.Next(o.Status, Cancel); err != nil {
			return fault.User("ALREADY_DELIVERED", "The order is delivered and can no longer be cancelled; ask for a refund.", "input", "orderId")
		}
		return nil
	}
	if err := o.apply(Cancel); err != nil {
		return err
	}
	o.CancelReason = &reason
	o.ExpiresAt, o.DeliversAt = nil, nil
	o.record(c, OrderCancelling, EventData{CancelReason: &reason})
	return o.unwind(c)
}

// unwind brings a CANCELLING order as far as it gets without the provider: it is called after every change and decides
// from the state alone, so it is the one place that knows how money goes back.
//
//   - A payment the provider cannot know of is voided at once.
//   - One that is held, or waits for the customer, gets a VOID attempt.
//   - One whose charge is under way is left until its outcome is known.
//   - What is captured and not refunded is refunded; a failed refund is replaced, after a pause.
//   - When nothing is left, the order is CANCELLED.
func (o *Order) unwind(c Cause) error {
	if o.Status != Cancelling {
		return nil
	}
	c = c.by(ActorSystem)
	if p := o.activePayment(); p != nil {
		open := o.openAttempt(p.ID)
		atProvider := p.Status == payment.RequiresAction || p.Status == payment.Authorized
		switch {
		case open != nil && open.Operation == payment.OperationVoid:
			return nil
		case open != nil && open.Called() && p.Status != payment.RequiresAction:
			return nil
		case !atProvider:
			if open != nil {
				open.Finish(payment.AttemptFail, "cancelled before it was sent", c.Now)
			}
			if err := o.release(c, p); err != nil {
				return err
			}
		default:
			if open != nil {
				open.Finish(payment.AttemptFail, "cancelled", c.Now)
			}
			o.addVoid(c, p, c.Now)
			return nil
		}
	}
	for i := range o.Payments {
		p := &o.Payments[i]
		left := o.refundableOf(p)
		if left <= 0 {
			continue
		}
		due := c.Now
		if n := o.failedRefunds(p); n > 0 {
			due = c.Now.Add(backoff(n, p.ID))
			if n >= attentionAfterCalls {
				o.needsAttention(c, p, payment.ProviderDown)
			}
		}
		if err := o.addRefund(c, p, left, &due, nil); err != nil {
			return err
		}
	}
	if o.Refunded != o.Captured || o.RefundPending != 0 {
		return nil
	}
	if err := o.apply(FinishCancel); err != nil {
		return err
	}
	o.record(c, OrderCancelled, EventData{CancelReason: o.CancelReason})
	return nil
}

func (o *Order) addVoid(c Cause, p *payment.Payment, due time.Time) {
	p.NextStepAt = &due
	o.addAttempt(c, payment.Attempt{PaymentID: p.ID, Operation: payment.OperationVoid, NextCallAt: &due})
}

// release ends a payment that holds no money any more: EXPIRED when time ran out, VOIDED when somebody cancelled.
func (o *Order) release(c Cause, p *payment.Payment) error {
	action, kind := payment.Void, PaymentVoided
	if o.CancelReason == nil || *o.CancelReason == CancelledByExpiry {
		action, kind = payment.Expire, PaymentExpired
	}
	if changed, err := p.Apply(action, c.Now); err != nil || !changed {
		return err
	}
	p.Attention = nil
	o.record(c, kind, EventData{PaymentID: &p.ID})
	return nil
}

// settleVoid takes in the answer to a void.
func (o *Order) settleVoid(c Cause, policy Policy, a *payment.Attempt, p *payment.Payment, r payment.Result) error {
	switch r.Outcome {
	case payment.Released:
		a.Finish(payment.AttemptSuccess, "", c.Now)
		if err := o.release(c, p); err != nil {
			return err
		}
		if o.Status == Created {
			// The hold ran out, the order did not: the customer has the usual time to pay again.
			o.ExpiresAt = at(c.Now.Add(policy.Expiry))
		}
		return nil
	case payment.Captured:
		// The capture won the race. The money is booked, and refunded when the order is being cancelled.
		a.Finish(payment.AttemptFail, "captured already", c.Now)
		if p.Status == payment.RequiresAction {
			if _, err := p.Apply(payment.Continue, c.Now); err != nil {
				return err
			}
			o.record(c, PaymentProcessing, EventData{PaymentID: &p.ID})
		}
		return o.captured(c, policy, p)
	case payment.Refused:
		message := a.Message
		if message == "" {
			message = r.Code
		}
		a.Finish(payment.AttemptFail, message, c.Now)
		n := 0
		for _, other := range o.Attempts {
			if other.PaymentID == p.ID && other.Operation == payment.OperationVoid {
				n++
			}
		}
		if n >= attentionAfterCalls {
			o.needsAttention(c, p, payment.ProviderDown)
		}
		o.addVoid(c, p, c.Now.Add(backoff(n, p.ID)))
		return nil
	default:
		o.postpone(c, a, p, payment.UnknownOutcome, "unexpected answer "+string(r.Outcome))
		return nil
	}
}
