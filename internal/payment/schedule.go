package payment

import (
	"bytes"
	"time"
)

// Work is a question to the provider. A call of the operation is committed as counted before it is made.
type Work struct {
	// Provider is the name of the provider that took the payment.
	Provider string
	Call     Call
	// LookUpFirst: an earlier call had no answer, so look it up before repeating it.
	LookUpFirst bool
	// LookUpOnly: look it up and call nothing.
	LookUpOnly bool
	// recheck is set when the charge itself is looked at: the Payment.RecheckAt that asked for it.
	recheck *time.Time
	// callsBefore is the attempt's Calls before this one was counted.
	callsBefore int
}

// DueAt returns when the pipeline has to advance the payment next: the earliest of its timers, nil when none runs. Attempts must
// be loaded.
func (p *Payment) DueAt() *time.Time {
	return Earlier(p.StepAt(), p.CallAt())
}

// CallAt returns when the provider is to be asked next, nil when it is not. Attempts must be loaded.
func (p *Payment) CallAt() *time.Time {
	due := p.RecheckAt
	for i := range p.Attempts {
		due = Earlier(due, p.Attempts[i].NextCallAt)
	}
	return due
}

// Earlier returns the earlier of two timers. A timer that does not run is nil.
func Earlier(a, b *time.Time) *time.Time {
	if b == nil || a != nil && !b.Before(*a) {
		return a
	}
	return b
}

// StepAt returns when the payment itself takes its next step: it begins, or its authorization expires. The other timers are those of
// attempts.
func (p *Payment) StepAt() *time.Time {
	if p.Status == Initializing || p.Status == Authorized && p.openAttempt() == nil {
		return p.NextStepAt
	}
	return nil
}

// Advance makes the payment's transition that is due. If a recheck is due, the attempt that is under way with the charge becomes due, too.
func (p *Payment) Advance(t Terms) ([]Fact, error) {
	c := change{Payment: p, Terms: t}
	var err error
	switch {
	case !due(p.StepAt(), t.Now):
	case p.Status == Initializing:
		err = c.begin()
	case p.Status == Authorized:
		c.addVoid(Expired, c.Now)
	}
	if err == nil && due(p.RecheckAt, t.Now) {
		c.recheckAttempt()
	}
	return c.facts, err
}

func due(timer *time.Time, now time.Time) bool { return timer != nil && !timer.After(now) }

// DueAttempt returns the oldest attempt whose call is due, or nil.
func (p *Payment) DueAttempt(now time.Time) *Attempt {
	for i := range p.Attempts {
		if a := &p.Attempts[i]; due(a.NextCallAt, now) {
			return a
		}
	}
	return nil
}

// Older reports whether the attempt was made before another one.
func (a *Attempt) Older(b *Attempt) bool { return bytes.Compare(a.ID[:], b.ID[:]) < 0 }

// Call returns what to ask about an attempt of the payment that is due. A call is counted before it is made.
func (p *Payment) Call(a *Attempt) *Work {
	work := &Work{Provider: p.Provider, Call: p.callOf(a), callsBefore: a.Calls}
	if a.LookUpOnly || a.Accepted || p.awaitsCustomer(a) {
		work.LookUpOnly = true
		return work
	}
	work.LookUpFirst = a.Called() && !a.Prepared
	a.Calls++
	a.Prepared = false
	if p.Status == Processing && p.NextStepAt == nil {
		p.NextStepAt = a.NextCallAt // no longer Unreached
	}
	return work
}

func (p *Payment) callOf(a *Attempt) Call {
	call := Call{
		Key:       a.ID,
		FreshKeys: a.FreshKeys,
		Operation: a.Operation,
		OrderID:   p.OrderID,
		PaymentID: p.ID,
		Amount:    p.Amount,
		Capture:   p.CaptureMethod,
		Method:    p.Method,
		Reference: p.Reference,
	}
	if a.Operation == OperationCapture {
		call.Final = !a.KeepsRest
		call.Amount.Minor = p.captureMinor(a)
	}
	if a.RefundID != nil {
		call.RefundID = *a.RefundID
		call.Amount = p.RefundByID(*a.RefundID).Amount
	}
	return call
}
