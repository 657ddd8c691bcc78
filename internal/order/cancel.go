package order

import (
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
//   - One that is held, waits for the customer or is prepared and not confirmed gets a VOID attempt.
//   - One whose charge or capture is under way is left until its outcome is known, or its calls have reached their cap: then
//     it gets a VOID attempt, too.
//   - What is captured and not refunded is refunded; a failed refund is replaced, after a pause.
//   - When nothing is left, the order is CANCELLED.
func (o *Order) unwind(c Cause) error {
	if o.Status != Cancelling {
		return nil
	}
	c = c.by(ActorSystem)
	if p := o.activePayment(); p != nil {
		open := openAttempt(p)
		atProvider := p.Status == payment.RequiresAction || p.Status == payment.Authorized || open != nil && (open.Prepared || open.LookUpOnly)
		switch {
		case open != nil && open.Operation == payment.OperationVoid:
			return nil
		case open != nil && open.Called() && p.Status != payment.RequiresAction && !open.Prepared && !open.LookUpOnly:
			return nil
		case !atProvider:
			if open != nil {
				open.Finish(payment.AttemptFail, "cancelled before it was sent", c.Now)
			}
			if err := o.release(c, p, 0); err != nil {
				return err
			}
		default:
			o.letGo(c, p, "cancelled")
			return nil
		}
	}
	for i := range o.Payments {
		p := &o.Payments[i]
		left := p.Refundable()
		if left <= 0 {
			continue
		}
		due := c.Now
		if n := failedRefunds(p); n > 0 {
			due = c.Now.Add(backoff(n, p.ID))
			if n >= callsCap {
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
