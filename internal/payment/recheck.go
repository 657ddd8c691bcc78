package payment

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// RequestRecheck requests a look-up of the payment's charge, because something may have happened at the provider. It only sets a timer.
// The pipeline looks up the attempts that are under way or, without one, the charge, and applies what it sees. For a payment that
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

// recheckAttempts makes the called attempts that are under way due now, each with a look-up first, which answers the recheck. No
// call runs at this time, since the caller has the lease.
func (c *change) recheckAttempts() {
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if !a.Open() || !a.Called() {
			continue
		}
		if a.NextCallAt == nil || a.NextCallAt.After(c.Now) {
			a.NextCallAt = at(c.Now)
		}
		c.RecheckAt = nil
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
	if c.openAttempt() != nil {
		return false, nil // asked for meanwhile; its own answer tells
	}
	return true, c.observe(r)
}
