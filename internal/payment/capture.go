package payment

import "github.com/orderwire/orderwire/internal/money"

// CanCapture reports whether the authorized money may be captured now: nothing else is under way with it.
func (p *Payment) CanCapture() bool { return p.Capturable() > 0 && p.Goal == "" }

// MaxCaptures of one payment. One more is accepted if it captures all that is still held.
const MaxCaptures = 20

// Capturable is the amount that is authorized and can still be captured, in minor units.
func (p *Payment) Capturable() int64 {
	if p.Status != Authorized {
		return 0
	}
	return max(0, p.Amount.Minor-p.Captured)
}

// Captures counts the parts that were captured.
func (p *Payment) Captures() int {
	n := 0
	for i := range p.Attempts {
		if a := &p.Attempts[i]; a.Operation == OperationCapture && a.Outcome != nil && *a.Outcome == AttemptSuccess {
			n++
		}
	}
	return n
}

// CaptureRequested reports whether a capture of this amount in minor units, nil for all that is held, is done or under way: another one is
// a no-op.
func (p *Payment) CaptureRequested(minor *int64) bool {
	if p.Status == Confirmed {
		return minor == nil || *minor == p.Captured
	}
	a := p.openAttempt()
	if a == nil || a.Operation != OperationCapture {
		return false
	}
	running := p.captureMinor(a)
	if minor == nil {
		return running == p.Capturable()
	}
	return running == *minor
}

// captureMinor is the amount of a capture, in minor units.
func (p *Payment) captureMinor(a *Attempt) int64 {
	if a.Minor > 0 {
		return a.Minor
	}
	return p.Amount.Minor
}

// Capture makes the attempt that captures all that is held. The caller has asked CanCapture.
func (p *Payment) Capture(t Terms) {
	minor := p.Capturable()
	if p.Captured == 0 {
		minor = 0
	}
	p.CapturePart(t, minor, false)
}

// CapturePart makes the attempt that captures an amount in minor units. keepsRest leaves the rest authorized; otherwise it is released.
// The caller has asked CanCapture.
func (p *Payment) CapturePart(t Terms, minor int64, keepsRest bool) {
	c := change{Payment: p, Terms: t}
	c.Goal = Confirmed
	if keepsRest {
		c.Goal = Authorized
	}
	c.NextStepAt = at(c.Now)
	c.addAttempt(Attempt{Operation: OperationCapture, Minor: minor, KeepsRest: keepsRest, NextCallAt: at(c.Now)})
}

// settleCapture applies the answer to a capture.
func (c *change) settleCapture(a *Attempt, r Result) error {
	switch r.Outcome {
	case Captured:
		a.Finish(AttemptSuccess, "", c.Now)
		expected := c.Captured + c.captureMinor(a)
		total := expected
		if r.Captured != nil && *r.Captured > 0 {
			total = *r.Captured
		}
		if !a.KeepsRest || total >= c.Amount.Minor {
			return c.charge(total)
		}
		c.chargePart(total)
		if total != expected { // others have captured, too, and may have released the rest
			c.RecheckAt = at(c.Now)
		}
		return nil
	case Refused:
		// The money is still authorized: staff try again, or the authorization expires.
		a.Finish(AttemptFail, refusal(a, r), c.Now)
		c.keepAuthorization()
		return nil
	case Released:
		a.Finish(AttemptFail, "released already", c.Now)
		c.Goal = ""
		return c.released(r)
	case Held, Prepared, ActionRequired, Pending, Refunded, NotFound:
		fallthrough // no answer to a capture
	default:
		c.unexpected(a, r)
		return nil
	}
}

// released books that the provider holds nothing any more. What it had captured before is kept.
func (c *change) released(r Result) error {
	if r.Captured != nil && *r.Captured > 0 {
		return c.charge(*r.Captured)
	}
	return c.release(r.RanOut)
}

// chargePart books that a part is captured, total minor units with those before, and that the rest is still held.
func (c *change) chargePart(total int64) {
	part := total - c.Captured
	c.keepAuthorization()
	if part <= 0 {
		return
	}
	c.Captured = total
	c.UpdatedAt = c.Now
	c.clearAttention(ProviderDown)
	c.record(Fact{Kind: FactCaptured, PaymentID: &c.ID, Amount: &money.Amount{Minor: part, Currency: c.Amount.Currency}})
}

// charge books that total minor units are captured, with parts from before, and nothing is held any more. A capture that is found after
// the payment has ended is booked too, with a refund of it in the same version: captured money is never ignored, and no version keeps
// money that pays for nothing.
func (c *change) charge(total int64) error {
	if c.Captured > 0 && c.Status != Authorized {
		return nil
	}
	if err := c.resume(); err != nil {
		return err
	}
	_, late := Machine.Next(c.Status, Capture)
	c.Captured = max(c.Captured, total)
	c.clearAttention(UnknownOutcome, ProviderDown)
	if late != nil {
		c.UpdatedAt = c.Now
		reason := "the payment had ended when its success arrived"
		return c.requestRefund(refundRequest{minor: c.Captured, due: c.Now, reason: &reason, origin: RefundOfLateSuccess})
	}
	if _, err := c.apply(Capture, c.Now); err != nil {
		return err
	}
	c.record(Fact{Kind: FactCharged, PaymentID: &c.ID, Amount: &money.Amount{Minor: c.Captured, Currency: c.Amount.Currency}})
	return nil
}

// keepAuthorization returns an authorization whose capture or void was refused to waiting, until it expires at its time.
func (c *change) keepAuthorization() {
	c.Goal = ""
	c.clearAttention(UnknownOutcome)
	since := c.Now
	if a := c.chargeAttempt(); a != nil && a.FinishedAt != nil {
		since = *a.FinishedAt
	}
	c.NextStepAt = at(since.Add(c.AuthorizationExpiry))
}
