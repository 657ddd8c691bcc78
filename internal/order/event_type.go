package order

import "github.com/orderwire/orderwire/internal/payment"

// EventType says what happened to an order, in the past tense. Its values are those of the schema's enum OrderEventType
// (event_type.generated.go).
type EventType string

// reaction is the order's reaction to a fact about a payment.
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

// startDelivery starts the timer that delivers a paid order, unless the order is being cancelled or staff deliver it.
func startDelivery(o *Order, c Cause, policy Policy) {
	o.ExpiresAt = nil
	if o.Status == Confirmed && !policy.ManualDelivery {
		o.DeliversAt = at(c.Now.Add(policy.DeliveryDelay))
	}
}

// restartExpiry gives an unpaid order whose expiry was stopped a whole new Policy.Expiry.
func restartExpiry(o *Order, c Cause, policy Policy) {
	if o.Status == Created && o.ExpiresAt == nil {
		o.ExpiresAt = at(c.Now.Add(policy.Expiry))
	}
}
