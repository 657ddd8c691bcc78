package order

import (
	"time"

	"github.com/orderwire/orderwire/internal/payment"
)

// EventType says what happened to an order, in the past tense. Its values are those of the schema's enum OrderEventType
// (event_type.generated.go).
type EventType string

// reaction is the order's reaction to a fact about a payment.
type reaction struct {
	event EventType
	// action is the order's transition, "" for none.
	action Action
	// timer sets the order's timers after the payment has changed, nil for none.
	timer func(*Order, Cause, Policy, *payment.Payment)
}

// reactions maps each fact about a payment to what follows from it for the order. Nothing else in this package reacts to payments.
var reactions = map[payment.FactKind]reaction{
	payment.FactProcessing:      {event: PaymentProcessing, timer: waitForBank},
	payment.FactActionRequired:  {event: PaymentActionRequired, timer: waitForAction},
	payment.FactAuthorized:      {event: PaymentAuthorized, timer: stopExpiry},
	payment.FactCharged:         {event: PaymentConfirmed, action: Pay, timer: startDelivery},
	payment.FactCaptured:        {event: PaymentCaptured},
	payment.FactDeclined:        {event: PaymentDeclined, timer: restartExpiry},
	payment.FactVoided:          {event: PaymentVoided, timer: expireLater},
	payment.FactExpired:         {event: PaymentExpired, timer: restartExpiry},
	payment.FactNeedsAttention:  {event: PaymentNeedsAttention},
	payment.FactRefundRequested: {event: RefundCreated},
	payment.FactRefundSucceeded: {event: RefundSucceeded},
	payment.FactRefundFailed:    {event: RefundFailed},
	payment.FactDisputeOpened:   {event: DisputeOpened},
	payment.FactDisputeUpdated:  {event: DisputeUpdated},
	payment.FactDisputeWon:      {event: DisputeWon},
	payment.FactDisputeLost:     {event: DisputeLost},
}

// stopExpiry ends the order's expiry: an authorization expires at a time of its own.
func stopExpiry(o *Order, _ Cause, _ Policy, _ *payment.Payment) { o.ExpiresAt = nil }

// waitForBank stops the expiry while a bank takes its time.
func waitForBank(o *Order, _ Cause, _ Policy, p *payment.Payment) {
	if p.Delayed {
		o.ExpiresAt = nil
	}
}

// actionGrace is the time for which the order is kept after the end of a customer's action, for the provider to tell its outcome.
const actionGrace = time.Minute

// waitForAction keeps the order for as long as its customer can act: a voucher can be paid for days. If a bank has stopped the expiry and has
// then refused, the customer may try another way, and the expiry begins again.
func waitForAction(o *Order, c Cause, policy Policy, p *payment.Payment) {
	restartExpiry(o, c, policy, p)
	if p.NextAction == nil || p.NextAction.ExpiresAt == nil || o.ExpiresAt == nil {
		return
	}
	if until := p.NextAction.ExpiresAt.Add(actionGrace); until.After(*o.ExpiresAt) {
		o.ExpiresAt = &until
	}
}

// startDelivery starts the timer that delivers a paid order, unless the order is being cancelled or staff deliver it.
func startDelivery(o *Order, c Cause, policy Policy, _ *payment.Payment) {
	o.ExpiresAt = nil
	if o.Status == Confirmed && !policy.ManualDelivery {
		o.DeliversAt = at(c.Now.Add(policy.DeliveryDelay))
	}
}

// expireLater is restartExpiry, also for an order whose time has run out while its payment waited for the provider: it can be paid again.
func expireLater(o *Order, c Cause, policy Policy, p *payment.Payment) {
	if o.ExpiresAt != nil && !o.ExpiresAt.After(c.Now) {
		o.ExpiresAt = nil
	}
	restartExpiry(o, c, policy, p)
}

// restartExpiry gives an unpaid order whose expiry was stopped a whole new Policy.Expiry.
func restartExpiry(o *Order, c Cause, policy Policy, _ *payment.Payment) {
	if o.Status == Created && o.ExpiresAt == nil {
		o.ExpiresAt = at(c.Now.Add(policy.Expiry))
	}
}
