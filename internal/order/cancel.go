package order

import "github.com/orderwire/orderwire/internal/fault"

// Cancel accepts a cancellation: the order is CANCELLING, and becomes CANCELLED by itself once all money is returned. For an order
// that is cancelling or cancelled it is a no-op. A delivered order is refused with ALREADY_DELIVERED.
func (o *Order) Cancel(c Cause, reason CancelReason) error {
	if !Machine.Changes(o.Status, Cancel) {
		if _, err := Machine.Next(o.Status, Cancel); err != nil {
			return fault.User(fault.AlreadyDelivered, "The order is delivered and can no longer be cancelled; ask for a refund.", "input", "orderId")
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

// unwind takes the next steps of a CANCELLING order. It is called after every change and decides from the state alone. How money
// is returned is each payment's: see payment.Payment.Unwind. When all payments are unwound, the order is CANCELLED.
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
