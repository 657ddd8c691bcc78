package payment

import (
	"errors"
	"time"
)

// Recheck asks for a look at the payment's charge, now and durably: something may have happened at the provider. It
// decides nothing itself. The pipeline looks up the attempts that are under way or, without one, the charge, and takes
// in what it sees. A payment that the provider cannot know of is left alone.
//
// Asking during a look-up leads to another one: what is seen now may be older than what the caller heard of.
func (p *Payment) Recheck(now time.Time) {
	if p.chargeAttempt() == nil {
		return
	}
	if p.RecheckAt != nil && p.RecheckAt.Equal(now) {
		now = now.Add(time.Microsecond)
	}
	p.RecheckAt = &now
}

// DueRecheck is the look at the charge that is due, or nil.
func (p *Payment) DueRecheck(now time.Time) *Work {
	if !due(p.RecheckAt, now) {
		return nil
	}
	return &Work{Call: p.callOf(p.chargeAttempt()), LookUpOnly: true, recheck: p.RecheckAt}
}

// recheckAttempts answers a recheck that is due by the attempts under way, if there are any: each becomes due now, with
// a look-up first. No call of the payment runs at this time, since the caller holds its lease.
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

// settleRecheck takes in what a look at the charge has shown.
func (c *change) settleRecheck(work *Work, r Result, callErr error) (answered bool, err error) {
	asked := c.RecheckAt != nil && c.RecheckAt.Equal(*work.recheck)
	if callErr != nil {
		if _, definite := errors.AsType[*DefiniteError](callErr); !definite {
			if asked {
				c.RecheckAt = at(c.Now.Add(lessJitter(recheckPause, c.ID)))
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
	explained, err := c.observe(r.Outcome)
	if err != nil {
		return false, err
	}
	c.compare(r.Totals, explained)
	return true, nil
}

// observe takes in the state of a charge that no attempt of ours is changing. It reports whether that state fits what we
// believe, or follows from it by something that may happen at a provider without us.
func (c *change) observe(seen Outcome) (explained bool, err error) {
	switch seen {
	case Captured, Refunded:
		return true, c.charge()
	case Held, ActionRequired:
		if c.Status.Active() {
			return c.Status == Authorized && seen == Held, nil
		}
		if c.Captured > 0 {
			return false, nil
		}
		// The payment ended for us and lives on at the provider: end it there.
		c.addVoid("", c.Now)
		return true, nil
	case Released:
		if !c.Status.Active() {
			return c.Captured == 0, nil
		}
		return true, c.release()
	case Refused, NotFound, Prepared:
		return !c.Status.Active() && c.Captured == 0, nil
	default:
		return false, nil
	}
}

// compare holds the provider's books against ours when nothing is under way between them. A difference is shown, never
// repaired. When they agree again, nobody need look any more.
func (c *change) compare(totals *Totals, explained bool) {
	for i := range c.Attempts {
		if c.Attempts[i].Open() {
			return
		}
	}
	if totals != nil && (totals.Captured != c.Captured || totals.Refunded != c.RefundsIn(RefundSucceeded)) {
		explained = false
	}
	switch {
	case !explained:
		c.needsAttention(Mismatch)
	case totals != nil && c.Attention != nil && *c.Attention == Mismatch:
		c.Attention = nil
	}
}
