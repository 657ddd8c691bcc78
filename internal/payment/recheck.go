package payment

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// RequestRecheck requests a look-up of the payment's charge, because something may have happened at the provider. It only sets a timer.
// The pipeline looks up the attempt that is under way with the charge or, without one, the charge and then refunds under way, and applies what it sees. For a payment that
// the provider cannot know of it is a no-op.
//
// A request during a look-up leads to another look-up: the answer under way may be older than what the caller heard of.
func (p *Payment) RequestRecheck(now time.Time) {
	if p.chargeAttempt() == nil {
		return
	}
	if p.RecheckAt != nil && p.RecheckAt.Equal(now) {
		now = now.Add(time.Microsecond)
	}
	p.RecheckAt = &now
}

// DueRecheck returns the look-up of the charge that is due, or nil.
func (p *Payment) DueRecheck(now time.Time) *Work {
	if !due(p.RecheckAt, now) {
		return nil
	}
	return &Work{Provider: p.Provider, Call: p.callOf(p.chargeAttempt()), LookUpOnly: true, recheck: p.RecheckAt}
}

// recheckAttempt makes the attempt that is under way with the charge due now, with a look-up first, which answers the recheck. No call runs
// at this time, since the caller has the lease. A refund under way does not answer it: it tells nothing of other refunds and of disputes.
func (c *change) recheckAttempt() {
	if c.chargeAttempt() == nil { // the call that was under way when it was asked for was not made
		c.RecheckAt = nil
	}
	a := c.openAttempt()
	if a == nil || !a.Called() {
		return
	}
	a.hasten(c.Now)
	c.RecheckAt = nil
}

// recheckRefunds makes the called refunds under way due now that the charge, which was looked up, does not have: they were lost or are not
// listed.
func (c *change) recheckRefunds(seen []SeenRefund) {
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if a.RefundID == nil || !a.Open() || !a.Called() {
			continue
		}
		r := c.RefundByID(*a.RefundID)
		if !slices.ContainsFunc(seen, func(s SeenRefund) bool {
			return s.Status != RefundFailed && (s.RefundID == r.ID || s.Reference == r.Reference)
		}) {
			a.hasten(c.Now)
		}
	}
}

// settleRecheck applies what a look-up of the charge has shown.
func (c *change) settleRecheck(work *Work, r Result, callErr error) (answered bool, err error) {
	asked := c.RecheckAt != nil && c.RecheckAt.Equal(*work.recheck)
	if callErr != nil {
		if _, definite := errors.AsType[*DefiniteError](callErr); !definite {
			if asked {
				c.RecheckAt = c.notBefore(at(c.Now.Add(lessJitter(recheckPause, c.ID))), callErr, uuid.UUID(c.ID))
			}
			return false, nil
		}
		r = Result{Outcome: Refused}
	}
	if r.Reference != "" {
		c.Reference = r.Reference
	}
	if asked {
		c.RecheckAt = nil
	}
	if open := c.openAttempt(); open != nil {
		// Asked for meanwhile; its own answer tells. A void that waits since it was refused is called now if the charge can change by it.
		if open.Operation == OperationVoid && !open.Called() && r.Outcome != Pending && r.Outcome != Held {
			c.callNow(open)
		}
		return false, nil
	}
	err = c.observe(r)
	if r.Charge != nil {
		c.recheckRefunds(r.Charge.Refunds)
	} else {
		c.recheckRefunds(nil)
	}
	return true, err
}
