package order

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/payment"
)

// Recheck asks for a look at the payment's charge, now and durably: something may have happened at the provider. It
// decides nothing itself. The pipeline looks up the attempts that are under way or, without one, the charge, and takes
// in what it sees. A payment that the provider cannot know of is left alone.
//
// Asking during a look-up leads to another one: what is seen now may be older than what the caller heard of.
func (o *Order) Recheck(c Cause, paymentID uuid.UUID) {
	p := o.PaymentByID(paymentID)
	if p == nil || chargeAttempt(p) == nil {
		return
	}
	asked := c.Now
	if p.RecheckAt != nil && p.RecheckAt.Equal(asked) {
		asked = asked.Add(time.Microsecond)
	}
	p.RecheckAt = &asked
}

// chargeAttempt is the attempt that the payment's charge was made with, or nil as long as the provider knows of none.
func chargeAttempt(p *payment.Payment) *payment.Attempt {
	for i := range p.Attempts {
		a := &p.Attempts[i]
		if a.Operation == payment.OperationAuthorize && a.Called() {
			return a
		}
	}
	return nil
}

// recheckAttempts answers a recheck that is due by the attempts under way, if there are any: each becomes due now, with
// a look-up first. No call of this order runs at this time, since the caller holds its lease.
func (o *Order) recheckAttempts(c Cause, p *payment.Payment) {
	for i := range p.Attempts {
		a := &p.Attempts[i]
		if !a.Open() || !a.Called() {
			continue
		}
		if a.NextCallAt == nil || a.NextCallAt.After(c.Now) {
			a.NextCallAt = at(c.Now)
		}
		p.RecheckAt = nil
	}
}

// settleRecheck takes in what a look at the charge has shown.
func (o *Order) settleRecheck(c Cause, policy Policy, work *Work, result payment.Result, callErr error) error {
	p := o.PaymentByID(work.Call.PaymentID)
	asked := p.RecheckAt != nil && p.RecheckAt.Equal(*work.recheck)
	var definite *payment.DefiniteError
	switch {
	case callErr == nil:
		if result.Reference != "" {
			p.Reference = result.Reference
		}
	case errors.As(callErr, &definite):
		result = payment.Result{Outcome: payment.Refused}
	default:
		if asked {
			p.RecheckAt = at(c.Now.Add(lessJitter(recheckPause, p.ID)))
		}
		return nil
	}
	if asked {
		p.RecheckAt = nil
	}
	if openAttempt(p) != nil {
		return nil // asked for meanwhile; its own answer tells
	}
	explained, err := o.observe(c, policy, p, result.Outcome)
	if err != nil {
		return err
	}
	o.compare(c, p, result.Totals, explained)
	return o.unwind(c)
}

// observe takes in the state of a charge that no attempt of ours is changing. It reports whether that state fits what we
// believe, or follows from it by something that may happen at a provider without us.
func (o *Order) observe(c Cause, policy Policy, p *payment.Payment, seen payment.Outcome) (explained bool, err error) {
	switch seen {
	case payment.Captured, payment.Refunded:
		return true, o.captured(c, policy, p)
	case payment.Held, payment.ActionRequired:
		if p.Status.Active() {
			return p.Status == payment.Authorized && seen == payment.Held, nil
		}
		if p.Captured > 0 {
			return false, nil
		}
		// The payment ended for us and lives on at the provider: end it there.
		o.addVoid(c, p, "", c.Now)
		return true, nil
	case payment.Released:
		if !p.Status.Active() {
			return p.Captured == 0, nil
		}
		return true, o.release(c, p, policy.Expiry)
	case payment.Refused, payment.NotFound, payment.Prepared:
		return !p.Status.Active() && p.Captured == 0, nil
	default:
		return false, nil
	}
}

// compare holds the provider's books against ours when nothing is under way between them. A difference is shown, never
// repaired. When they agree again, nobody need look any more.
func (o *Order) compare(c Cause, p *payment.Payment, totals *payment.Totals, explained bool) {
	for i := range p.Attempts {
		if p.Attempts[i].Open() {
			return
		}
	}
	if totals != nil && (totals.Captured != p.Captured || totals.Refunded != p.Refunded) {
		explained = false
	}
	switch {
	case !explained:
		o.needsAttention(c, p, payment.Mismatch)
	case totals != nil && p.Attention != nil && *p.Attention == payment.Mismatch:
		p.Attention = nil
	}
}

// lateAnswer takes in the answer to a call whose attempt was closed while it ran, by a cancel or by staff. Only what
// moved money matters any more.
func (o *Order) lateAnswer(c Cause, policy Policy, a *payment.Attempt, p *payment.Payment, result payment.Result) error {
	if a.Operation == payment.OperationRefund {
		if result.Outcome == payment.Refunded && *a.Outcome == payment.AttemptFail {
			o.needsAttention(c, p, payment.Mismatch)
		}
		return nil
	}
	switch result.Outcome {
	case payment.Captured:
		if err := o.captured(c, policy, p); err != nil {
			return err
		}
	case payment.Held, payment.ActionRequired:
		if !p.Status.Active() && p.Captured == 0 && openAttempt(p) == nil {
			o.addVoid(c, p, "", c.Now)
		}
	case payment.Prepared, payment.Refused, payment.Released, payment.Refunded, payment.NotFound:
	}
	return o.unwind(c)
}
