package payment

import "time"

// CanVoid reports whether the payment may be voided now: something can still be captured, no call of it is under way and no capture or
// void is requested.
func (p *Payment) CanVoid() bool {
	return Machine.Changes(p.Status, Void) && (p.Status != Processing || p.Unreached()) && p.Goal == ""
}

// Unreached reports whether the payment was handed to its provider, and no call that could take money has reached it: nothing has moved and
// nothing can arrive late. A call that is under way is counted before it is made.
func (p *Payment) Unreached() bool {
	if p.Status != Processing || p.Goal != "" {
		return false
	}
	if a := p.openAttempt(); a != nil {
		return a.Operation == OperationAuthorize && !a.Called() && a.Message != ""
	}
	return p.NextStepAt == nil // without attempts, as it is read
}

// VoidRequested reports whether the payment is voided or about to be: another Void is a no-op.
func (p *Payment) VoidRequested() bool {
	return p.Status == Voided || p.Goal == Voided || p.Goal == Expired
}

// Void ends a payment before its money, or the rest of it, is captured: at once when the provider does not know of it, otherwise by an attempt.
// The caller has asked CanVoid.
func (p *Payment) Void(t Terms) ([]Fact, error) {
	c := change{Payment: p, Terms: t}
	if p.Status == Initializing {
		err := c.release(false)
		return c.facts, err
	}
	if p.Unreached() {
		c.openAttempt().Finish(AttemptFail, "voided before it reached the provider", c.Now)
		err := c.release(false)
		return c.facts, err
	}
	c.requestVoid("voided")
	return c.facts, nil
}

// requestVoid closes the attempt that is under way, with why as its message, and makes one that voids the payment. The payment stays
// active until the provider has answered that it is released, or that it was captured: only then may another payment be made in
// its place.
func (c *change) requestVoid(why string) {
	if open := c.openAttempt(); open != nil {
		open.Finish(AttemptFail, why, c.Now)
	}
	goal := Voided
	if c.TimeUp {
		goal = Expired
	}
	c.addVoid(goal, c.Now)
}

// addVoid makes an attempt to void. goal is the status that the payment will have once it is voided; "" for one that has ended.
func (c *change) addVoid(goal Status, due time.Time) {
	c.Goal = goal
	if c.Status.Active() {
		c.NextStepAt = &due
	}
	c.addAttempt(Attempt{Operation: OperationVoid, NextCallAt: &due})
}

// voidPayable voids the charge of a payment that has ended in our books, if the answer says that it can still take money at the provider:
// by another means of payment, or by a capture.
func (c *change) voidPayable(r Result) {
	payable := r.Outcome == Held || r.Outcome == ActionRequired || r.Outcome == Refused && r.Payable
	if payable && !c.Status.Active() && c.Captured == 0 && c.openAttempt() == nil {
		c.addVoid("", c.Now)
	}
}

// release ends a payment that the provider has released: EXPIRED when time ran out, here or at the provider (ranOut), VOIDED otherwise.
// One that was captured in part is CONFIRMED: only the rest was released. A payment that has ended stays as it is.
func (c *change) release(ranOut bool) error {
	action, kind := Void, FactVoided
	if c.Goal == Expired || c.Goal == "" && (c.TimeUp || ranOut) {
		action, kind = Expire, FactExpired
	}
	if !c.Status.Active() {
		return nil
	}
	if c.Captured > 0 {
		return c.charge(c.Captured)
	}
	if _, err := c.apply(action, c.Now); err != nil {
		return err
	}
	c.clearAttention(UnknownOutcome, ProviderDown)
	c.happened(kind)
	return nil
}

// settleVoid applies the answer to a void.
func (c *change) settleVoid(a *Attempt, r Result) error {
	switch r.Outcome {
	case Released:
		a.Finish(AttemptSuccess, "", c.Now)
		c.clearAttention(UnknownOutcome, ProviderDown)
		return c.released(r)
	case Captured:
		// The capture was faster. The money is booked, and refunded unless it may be kept.
		a.Finish(AttemptFail, "captured already", c.Now)
		c.clearAttention(UnknownOutcome, ProviderDown)
		return c.charge(c.capturedAt(r))
	case Refused:
		a.Finish(AttemptFail, refusal(a, r), c.Now)
		if !c.Unwinding && c.Status == Authorized && c.Goal == Voided {
			c.keepAuthorization()
			return nil
		}
		// Void again: no money may be kept, the authorization has expired, or the charge can take money without us.
		c.clearAttention(UnknownOutcome)
		n := c.failedVoids()
		if n >= maxRefusals {
			c.needsAttention(ProviderDown)
		}
		c.addVoid(c.Goal, c.Now.Add(refusedPause(n, c.ID)))
		return nil
	case Pending:
		c.accept(a)
		c.clearAttention(UnknownOutcome, ProviderDown)
		return nil
	case NotFound:
		if !a.Accepted {
			c.unexpected(a, r)
			return nil
		}
		// The bank has decided. The key would get the provider's earlier answer again.
		a.Finish(AttemptFail, "the customer's bank had not decided", c.Now)
		c.addVoid(c.Goal, c.Now)
		return nil
	case Held, Prepared, ActionRequired, Refunded:
		fallthrough // no answer to a void
	default:
		c.unexpected(a, r)
		return nil
	}
}

// failedVoids counts the finished attempts to void: the pause before the next one grows with it.
func (p *Payment) failedVoids() int {
	n := 0
	for i := range p.Attempts {
		if a := &p.Attempts[i]; a.Operation == OperationVoid && !a.Open() {
			n++
		}
	}
	return n
}
