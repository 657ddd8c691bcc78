package order

import (
	"time"

	"github.com/orderwire/orderwire/internal/payment"
)

// CanCapture reports whether the held money may be taken now: nothing else is under way with it.
func (o *Order) CanCapture(p *payment.Payment) bool {
	return o.Status == Created && p.Status == payment.Authorized && p.Goal == ""
}

// Capture makes the attempt that takes the whole hold. The caller has asked CanCapture.
func (o *Order) Capture(c Cause, p *payment.Payment) {
	p.Goal = payment.Confirmed
	p.NextStepAt = at(c.Now)
	o.addAttempt(c, p, payment.Attempt{Operation: payment.OperationCapture, NextCallAt: at(c.Now)})
}

// CanVoid reports whether the payment may be let go now: it took no money, no call of it is under way and it is not
// about to be captured or voided already.
func (o *Order) CanVoid(p *payment.Payment) bool {
	return o.Status == Created && payment.Machine.Changes(p.Status, payment.Void) && p.Status != payment.Processing && p.Goal == ""
}

// Void lets a payment go before its money is taken: at once when the provider does not know of it, otherwise by an
// attempt. The caller has asked CanVoid.
func (o *Order) Void(c Cause, policy Policy, p *payment.Payment) error {
	if p.Status == payment.Initializing {
		return o.release(c, p, policy.Expiry)
	}
	o.letGo(c, p, "voided")
	return nil
}

// letGo gives up what is under way with a payment, for the reason given, and makes the attempt that voids it. The payment
// goes on until the provider has said that it takes no money any more, or that it did: only then can the order be paid by
// another one.
func (o *Order) letGo(c Cause, p *payment.Payment, why string) {
	if open := openAttempt(p); open != nil {
		open.Finish(payment.AttemptFail, why, c.Now)
	}
	goal := payment.Voided
	if o.CancelReason != nil && *o.CancelReason == CancelledByExpiry {
		goal = payment.Expired
	}
	o.addVoid(c, p, goal, c.Now)
}

// addVoid makes the attempt that releases a payment. goal is what the payment will be then; "" for one that has ended.
func (o *Order) addVoid(c Cause, p *payment.Payment, goal payment.Status, due time.Time) {
	p.Goal = goal
	if p.Status.Active() {
		p.NextStepAt = &due
	}
	o.addAttempt(c, p, payment.Attempt{Operation: payment.OperationVoid, NextCallAt: &due})
}

// release ends a payment that holds no money any more: EXPIRED when time ran out, VOIDED otherwise. A CREATED order that
// had stopped expiring gets the time again to be paid. A payment that has ended stays as it is.
func (o *Order) release(c Cause, p *payment.Payment, again time.Duration) error {
	action, kind := payment.Void, PaymentVoided
	if p.Goal == payment.Expired || p.Goal == "" && o.CancelReason != nil && *o.CancelReason == CancelledByExpiry {
		action, kind = payment.Expire, PaymentExpired
	}
	if !p.Status.Active() {
		return nil
	}
	if _, err := p.Apply(action, c.Now); err != nil {
		return err
	}
	o.calm(p, payment.UnknownOutcome, payment.ProviderDown)
	if o.Status == Created && o.ExpiresAt == nil {
		o.ExpiresAt = at(c.Now.Add(again))
	}
	o.record(c, kind, EventData{PaymentID: &p.ID})
	return nil
}

// settleCapture takes in the answer to a capture.
func (o *Order) settleCapture(c Cause, policy Policy, a *payment.Attempt, p *payment.Payment, r payment.Result) error {
	switch r.Outcome {
	case payment.Captured:
		a.Finish(payment.AttemptSuccess, "", c.Now)
		return o.captured(c, policy, p)
	case payment.Refused:
		// The money is still held: staff try again, or the hold runs out.
		a.Finish(payment.AttemptFail, refusal(a, r), c.Now)
		o.keepHold(c, policy, p)
		return nil
	case payment.Released:
		a.Finish(payment.AttemptFail, "released already", c.Now)
		p.Goal = ""
		return o.release(c, p, policy.Expiry)
	case payment.Held, payment.Prepared, payment.ActionRequired, payment.Refunded, payment.NotFound:
		fallthrough // as good as no answer
	default:
		o.postpone(c, a, p, r.Outcome, "unexpected answer "+string(r.Outcome))
		return nil
	}
}

// settleVoid takes in the answer to a void.
func (o *Order) settleVoid(c Cause, policy Policy, a *payment.Attempt, p *payment.Payment, r payment.Result) error {
	switch r.Outcome {
	case payment.Released:
		a.Finish(payment.AttemptSuccess, "", c.Now)
		o.calm(p, payment.UnknownOutcome, payment.ProviderDown)
		return o.release(c, p, policy.Expiry)
	case payment.Captured:
		// The capture won the race. The money is booked, and refunded unless it pays the order.
		a.Finish(payment.AttemptFail, "captured already", c.Now)
		o.calm(p, payment.UnknownOutcome, payment.ProviderDown)
		return o.captured(c, policy, p)
	case payment.Refused:
		a.Finish(payment.AttemptFail, refusal(a, r), c.Now)
		if o.Status == Created && p.Status == payment.Authorized && p.Goal == payment.Voided {
			o.keepHold(c, policy, p)
			return nil
		}
		// It must happen: the order is being cancelled, the time is up, or the charge can take money without us.
		o.calm(p, payment.UnknownOutcome)
		n := failedVoids(p)
		if n >= callsCap {
			o.needsAttention(c, p, payment.ProviderDown)
		}
		o.addVoid(c, p, p.Goal, c.Now.Add(backoff(n, p.ID)))
		return nil
	case payment.Held, payment.Prepared, payment.ActionRequired, payment.Refunded, payment.NotFound:
		fallthrough // as good as no answer
	default:
		o.postpone(c, a, p, r.Outcome, "unexpected answer "+string(r.Outcome))
		return nil
	}
}

// keepHold goes on as before a capture or void that the provider refused: the hold runs until its time.
func (o *Order) keepHold(c Cause, policy Policy, p *payment.Payment) {
	p.Goal = ""
	o.calm(p, payment.UnknownOutcome)
	since := c.Now
	if a := chargeAttempt(p); a != nil && a.FinishedAt != nil {
		since = *a.FinishedAt
	}
	p.NextStepAt = at(since.Add(policy.AuthorizationExpiry))
}

func failedVoids(p *payment.Payment) int {
	n := 0
	for i := range p.Attempts {
		if a := &p.Attempts[i]; a.Operation == payment.OperationVoid && !a.Open() {
			n++
		}
	}
	return n
}

// refusal is why an attempt failed: the message of a definite error, or else the provider's code.
func refusal(a *payment.Attempt, r payment.Result) string {
	if a.Message != "" {
		return a.Message
	}
	return r.Code
}
