package order

import (
	"bytes"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/payment"
)

// Work is a question to the provider. A call of the operation is committed as counted before it is made.
type Work struct {
	Call payment.Call
	// LookUpFirst: an earlier call had no answer, so ask what became of it before repeating it.
	LookUpFirst bool
	// LookUpOnly: ask what became of it and call nothing.
	LookUpOnly bool
	// recheck is set when the charge itself is looked at: the Payment.RecheckAt that asked for it.
	recheck *time.Time
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
		consider(o.stepAt(&o.Payments[i]))
		consider(o.Payments[i].RecheckAt)
		for j := range o.Payments[i].Attempts {
			consider(o.Payments[i].Attempts[j].NextCallAt)
		}
	}
	return due
}

// stepAt is when a payment goes on without an attempt that says so: it begins, or its hold runs out.
func (o *Order) stepAt(p *payment.Payment) *time.Time {
	if p.Status == payment.Initializing || p.Status == payment.Authorized && openAttempt(p) == nil {
		return p.NextStepAt
	}
	return nil
}

// Advance makes every transition that is due at c.Now, and returns the next question to the provider that is due, or
// nil. It is pure: what to do follows from the order alone, so that after a crash any worker goes on where the last
// commit stood.
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
		switch {
		case !due(o.stepAt(p)):
		case p.Status == payment.Initializing:
			if err := o.begin(c, policy, p); err != nil {
				return nil, err
			}
		case p.Status == payment.Authorized:
			o.addVoid(c, p, payment.Expired, c.Now)
		}
		if due(p.RecheckAt) {
			o.recheckAttempts(c, p)
		}
	}
	if p, a := o.dueAttempt(c.Now); a != nil {
		return o.startCall(p, a), nil
	}
	for i := range o.Payments {
		if p := &o.Payments[i]; due(p.RecheckAt) {
			return &Work{Call: o.callOf(p, chargeAttempt(p)), LookUpOnly: true, recheck: p.RecheckAt}, nil
		}
	}
	return nil, nil
}

// startCall says what to ask about an attempt that is due. A call is counted before it is made.
func (o *Order) startCall(p *payment.Payment, a *payment.Attempt) *Work {
	work := &Work{Call: o.callOf(p, a)}
	if a.LookUpOnly || awaitsCustomer(p, a) {
		work.LookUpOnly = true
		return work
	}
	work.LookUpFirst = a.Called() && !a.Prepared
	a.Calls++
	a.Prepared = false
	return work
}

// dueAttempt is the attempt that was made first of those that are due.
func (o *Order) dueAttempt(now time.Time) (of *payment.Payment, first *payment.Attempt) {
	for i := range o.Payments {
		p := &o.Payments[i]
		for j := range p.Attempts {
			a := &p.Attempts[j]
			if a.NextCallAt != nil && !a.NextCallAt.After(now) && (first == nil || bytes.Compare(a.ID[:], first.ID[:]) < 0) {
				of, first = p, a
			}
		}
	}
	return of, first
}

// awaitsCustomer: the provider has answered the attempt and waits for the customer, so it is only looked up.
func awaitsCustomer(p *payment.Payment, a *payment.Attempt) bool {
	return a.Operation == payment.OperationAuthorize && p.Status == payment.RequiresAction
}

func (o *Order) callOf(p *payment.Payment, a *payment.Attempt) payment.Call {
	call := payment.Call{
		Key:         a.ID,
		Operation:   a.Operation,
		OrderID:     o.ID,
		OrderNumber: o.Number,
		PaymentID:   p.ID,
		Amount:      p.Amount,
		Capture:     p.CaptureMethod,
		Method:      p.Method,
		Reference:   p.Reference,
	}
	if a.RefundID != nil {
		call.RefundID = *a.RefundID
		call.Amount = p.RefundByID(*a.RefundID).Amount
	}
	return call
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
