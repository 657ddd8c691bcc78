package order

import (
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/payment"
)

// Work is a call to make at the provider, committed as counted before it is made.
type Work struct {
	Call payment.Call
	// LookUpFirst: an earlier call had no answer, so ask what became of it before repeating it.
	LookUpFirst bool
}

// DueAt is when the pipeline has to look at the order again: the earliest of its timers; nil when none runs.
// Attempts must be loaded.
func (o *Order) DueAt() *time.Time {
	var due *time.Time
	consider := func(t *time.Time) {
		if t != nil && (due == nil || t.Before(*due)) {
			due = t
		}
	}
	consider(o.ExpiresAt)
	consider(o.DeliversAt)
	for i := range o.Payments {
		consider(o.Payments[i].NextStepAt)
	}
	for i := range o.Attempts {
		consider(o.Attempts[i].NextCallAt)
	}
	return due
}

// Advance makes every transition that is due at c.Now, and returns the next provider call that is due, counted, or nil.
// It is pure: what to do follows from the order alone, so that after a crash any worker goes on where the last commit
// stood.
func (o *Order) Advance(c Cause, policy Policy) (*Work, error) {
	c = c.by(ActorSystem)
	due := func(t *time.Time) bool { return t != nil && !t.After(c.Now) }
	if due(o.ExpiresAt) {
		if err := o.Cancel(c, CancelledByExpiry); err != nil {
			return nil, err
		}
	}
	if due(o.DeliversAt) {
		if err := o.Deliver(c); err != nil {
			return nil, err
		}
	}
	for i := range o.Payments {
		p := &o.Payments[i]
		if !due(p.NextStepAt) {
			continue
		}
		switch {
		case p.Status == payment.Initializing:
			if err := o.begin(c, policy, p); err != nil {
				return nil, err
			}
		case p.Status == payment.Authorized && o.openAttempt(p.ID) == nil:
			o.addVoid(c, p, c.Now)
		}
	}
	for i := range o.Attempts {
		if a := &o.Attempts[i]; due(a.NextCallAt) {
			return o.startCall(a), nil
		}
	}
	return nil, nil
}

// startCall counts a call before it is made.
func (o *Order) startCall(a *payment.Attempt) *Work {
	again := a.Called()
	a.Calls++
	p := o.paymentByID(a.PaymentID)
	call := payment.Call{
		Key:       a.ID,
		Operation: a.Operation,
		OrderID:   o.ID,
		PaymentID: p.ID,
		Amount:    p.Amount,
		Capture:   p.CaptureMethod,
		Method:    p.Method,
		Reference: p.Reference,
	}
	if a.RefundID != nil {
		call.RefundID = *a.RefundID
		call.Amount = o.refundByID(*a.RefundID).Amount
	}
	return &Work{Call: call, LookUpFirst: again}
}

// Deliver hands a confirmed order over. Delivering what is delivered changes nothing. The error is a
// *fsm.NotAllowedError in any other status.
func (o *Order) Deliver(c Cause) error {
	changes := Machine.Changes(o.Status, Deliver)
	if err := o.apply(Deliver); err != nil || !changes {
		return err
	}
	o.DeliversAt = nil
	o.record(c, OrderDelivered, EventData{})
	return nil
}

// CanRetry reports whether a new payment may be made: the order is unpaid and no payment of it may still take money.
func (o *Order) CanRetry() bool {
	return Machine.Changes(o.Status, Pay) && o.activePayment() == nil
}

// Retry makes a new payment after the last one failed. The caller has asked CanRetry.
func (o *Order) Retry(c Cause, policy Policy, method PaymentMethod) uuid.UUID {
	p := o.addPayment(c, policy, method)
	if o.ExpiresAt == nil {
		o.ExpiresAt = at(c.Now.Add(policy.Expiry))
	}
	paymentID := p.ID
	o.record(c, PaymentRetried, EventData{PaymentID: &paymentID})
	return paymentID
}
