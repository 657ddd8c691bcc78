package payment

import "github.com/orderwire/orderwire/internal/money"

// CanCapture reports whether the authorized money may be captured now: nothing else is under way with it.
func (p *Payment) CanCapture() bool { return p.Status == Authorized && p.Goal == "" }

// CaptureRequested reports whether the payment is captured or about to be: another Capture is a no-op.
func (p *Payment) CaptureRequested() bool { return p.Status == Confirmed || p.Goal == Confirmed }

// Capture makes the attempt that captures the whole authorization. The caller has asked CanCapture.
func (p *Payment) Capture(t Terms) {
	c := change{Payment: p, Terms: t}
	c.Goal = Confirmed
	c.NextStepAt = at(c.Now)
	c.addAttempt(Attempt{Operation: OperationCapture, NextCallAt: at(c.Now)})
}

// settleCapture applies the answer to a capture.
func (c *change) settleCapture(a *Attempt, r Result) error {
	switch r.Outcome {
	case Captured:
		a.Finish(AttemptSuccess, "", c.Now)
		return c.charge(c.capturedAt(r))
	case Refused:
		// The money is still authorized: staff try again, or the authorization expires.
		a.Finish(AttemptFail, refusal(a, r), c.Now)
		c.keepAuthorization()
		return nil
	case Released:
		a.Finish(AttemptFail, "released already", c.Now)
		c.Goal = ""
		return c.release(r.RanOut)
	case Held, Prepared, ActionRequired, Pending, Refunded, NotFound:
		fallthrough // no answer to a capture
	default:
		c.unexpected(a, r)
		return nil
	}
}

// charge books captured money. A capture that is found after the payment has ended is booked too, with a refund of it in the same
// version: captured money is never ignored, and no version keeps money that pays for nothing.
func (c *change) charge(minor int64) error {
	if c.Captured > 0 {
		return nil
	}
	if err := c.resume(); err != nil {
		return err
	}
	_, late := Machine.Next(c.Status, Capture)
	c.Captured = minor
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
