package order

import "github.com/orderwire/orderwire/internal/payment"

// DeliveryHold is the reason for which a paid order is not delivered by itself, as in the GraphQL enum DeliveryHold. Staff can deliver it all the same.
type DeliveryHold string

// The reasons, the strongest first.
const (
	// HeldByDispute: the charge is disputed.
	HeldByDispute DeliveryHold = "DISPUTE"
	// HeldByAttention: a payment needs staff.
	HeldByAttention DeliveryHold = "ATTENTION"
	// HeldByRefund: money went back, or is about to.
	HeldByRefund DeliveryHold = "REFUND"
)

// Valid reports whether the reason is one of the above.
func (h DeliveryHold) Valid() bool {
	switch h {
	case HeldByDispute, HeldByAttention, HeldByRefund:
		return true
	default:
		return false
	}
}

// DeliveryHold returns why the order waits for staff to deliver it; "" for an order that is delivered by its timer, or not waiting. It
// needs no refunds to be loaded.
func (s *State) DeliveryHold() DeliveryHold {
	if s.Status != Confirmed || s.DeliversAt != nil {
		return ""
	}
	hold := holdByPayments(s.Payments)
	if hold == "" && s.Refunded+s.RefundPending > 0 {
		hold = HeldByRefund
	}
	return hold
}

func holdByPayments(payments []payment.Payment) (hold DeliveryHold) {
	for i := range payments {
		p := &payments[i]
		switch {
		case p.HasOpenDispute() || p.DisputesIn(payment.DisputeLost) > 0:
			return HeldByDispute
		case p.Attention != nil:
			hold = HeldByAttention
		}
	}
	return hold
}

// holdsDelivery reports whether a paid order with these payments must not be delivered by its timer: money went back or is about to, or
// it is not clear whether it stays. Refunds of earlier payments do not count: those pay for nothing.
func holdsDelivery(payments []payment.Payment) bool {
	for i := range payments {
		p := &payments[i]
		if p.Status == payment.Confirmed && p.RefundsIn(payment.RefundSucceeded)+p.RefundsIn(payment.RefundPending) > 0 {
			return true
		}
	}
	return holdByPayments(payments) != ""
}

// resumeDelivery starts the delivery timer again once nothing holds a paid order any more.
func (o *Order) resumeDelivery(c Cause, policy Policy) {
	if o.Status == Confirmed && o.DeliversAt == nil && !policy.ManualDelivery && !holdsDelivery(o.Payments) {
		o.DeliversAt = at(c.Now.Add(policy.DeliveryDelay))
	}
}
