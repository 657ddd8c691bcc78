package order

import "github.com/orderwire/orderwire/internal/fault"

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
// from the state alone. How money goes back, each payment knows; see payment.Payment.Unwind. When nothing is left, the order is
// CANCELLED.
func (o *Order) unwind(c Cause) error {
	if o.Status != Cancelling {
		return nil
	}
	c = c.by(ActorSystem)
	unwound := true
	for i := range o.Payments {
		facts, err := o.Payments[i].Unwind(o.terms(c, Policy{}))
		if err != nil {
			return err
		}
		if err := o.take(c, Policy{}, i, facts); err != nil {
			return err
		}
		unwound = unwound && o.Payments[i].Unwound()
	}
	if !unwound {
		return nil
	}
	if err := o.apply(FinishCancel); err != nil {
		return err
	}
	o.record(c, OrderCancelled, EventData{CancelReason: o.CancelReason})
	return nil
}
