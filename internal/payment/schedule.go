package payment

import (
	"bytes"
	"time"
)

// Work is a question to the provider. A call of the operation is committed as counted before it is made.
type Work struct {
	Call Call
	// LookUpFirst: an earlier call had no answer, so ask what became of it before repeating it.
	LookUpFirst bool
	// LookUpOnly: ask what became of it and call nothing.
	LookUpOnly bool
	// recheck is set when the charge itself is looked at: the Payment.RecheckAt that asked for it.
	recheck *time.Time
}

// DueAt is when the pipeline has to look at the payment again: the earliest of its timers; nil when none runs. Attempts must be
// loaded.
func (p *Payment) DueAt() *time.Time {
	due := Earlier(p.stepAt(), p.RecheckAt)
	for i := range p.Attempts {
		due = Earlier(due, p.Attempts[i].NextCallAt)
	}
	return due
}

// Earlier is the earlier of two timers; nil is one that does not run.
func Earlier(a, b *time.Time) *time.Time {
	if b == nil || a != nil && !b.Before(*a) {
		return a
	}
	return b
}

// stepAt is when the payment goes on without an attempt that says so: it begins, or its authorization expires.
func (p *Payment) stepAt() *time.Time {
	if p.Status == Initializing || p.Status == Authorized && p.openAttempt() == nil {
		return p.NextStepAt
	}
	return nil
}

// Advance makes every transition of the payment that is due, and has the attempts that are under way looked up if somebody
// asked for a recheck.
func (p *Payment) Advance(t Terms) ([]Fact, error) {
	c := change{Payment: p, Terms: t}
	var err error
	switch {
	case !due(p.stepAt(), t.Now):
	case p.Status == Initializing:
		err = c.begin()
	case p.Status == Authorized:
		c.addVoid(Expired, c.Now)
	}
	if err == nil && due(p.RecheckAt, t.Now) {
		c.recheckAttempts()
	}
	return c.facts, err
}

func due(timer *time.Time, now time.Time) bool { return timer != nil && !timer.After(now) }

// DueAttempt is the attempt whose call is due; of several, that which was made first. nil: none is.
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

// Call says what to ask about an attempt of the payment that is due. A call is counted before it is made.
func (p *Payment) Call(a *Attempt) *Work {
	work := &Work{Call: p.callOf(a)}
	if a.LookUpOnly || p.awaitsCustomer(a) {
		work.LookUpOnly = true
		return work
	}
	work.LookUpFirst = a.Called() && !a.Prepared
	a.Calls++
	a.Prepared = false
	return work
}

func (p *Payment) callOf(a *Attempt) Call {
	call := Call{
		Key:       a.ID,
		Operation: a.Operation,
		OrderID:   p.OrderID,
		PaymentID: p.ID,
		Amount:    p.Amount,
		Capture:   p.CaptureMethod,
		Method:    p.Method,
		Reference: p.Reference,
	}
	if a.RefundID != nil {
		call.RefundID = *a.RefundID
		call.Amount = p.RefundByID(*a.RefundID).Amount
	}
	return call
}
