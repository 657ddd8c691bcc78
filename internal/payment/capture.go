package payment

// CanCapture reports whether the authorized money may be captured now: nothing else is under way with it.
func (p *Payment) CanCapture() bool { return p.Status == Authorized && p.Goal == "" }

// Capture makes the attempt that captures all that is authorized. The caller has asked CanCapture.
func (p *Payment) Capture(t Terms) {
	c := change{Payment: p, Terms: t}
	c.Goal = Confirmed
	c.NextStepAt = at(c.Now)
	c.addAttempt(Attempt{Operation: OperationCapture, NextCallAt: at(c.Now)})
}

// settleCapture takes in the answer to a capture.
func (c *change) settleCapture(a *Attempt, r Result) error {
	switch r.Outcome {
	case Captured:
		a.Finish(AttemptSuccess, "", c.Now)
		return c.charge()
	case Refused:
		// The money is still authorized: staff try again, or its time runs out.
		a.Finish(AttemptFail, refusal(a, r), c.Now)
		c.keepAuthorization()
		return nil
	case Released:
		a.Finish(AttemptFail, "released already", c.Now)
		c.Goal = ""
		return c.release()
	case Held, Prepared, ActionRequired, Refunded, NotFound:
		fallthrough // as good as no answer
	default:
		c.unexpected(a, r)
		return nil
	}
}

// charge books the money of a payment. A success that comes after the payment ended otherwise is booked as well, with
// the refund that gives it back in the same version: money is never ignored, and none is kept that pays for nothing.
func (c *change) charge() error {
	if c.Captured > 0 {
		return nil
	}
	if err := c.resume(); err != nil {
		return err
	}
	_, late := Machine.Next(c.Status, Capture)
	c.Captured = c.Amount.Minor
	c.clearAttention(UnknownOutcome, ProviderDown)
	if late != nil {
		c.UpdatedAt = c.Now
		reason := "the payment had ended when its success arrived"
		return c.requestRefund(refundRequest{minor: c.Captured, due: c.Now, reason: &reason, automatic: true})
	}
	if _, err := c.apply(Capture, c.Now); err != nil {
		return err
	}
	c.record(Fact{Kind: FactCharged, PaymentID: &c.ID, Amount: &c.Amount})
	return nil
}

// keepAuthorization goes on as before a capture or void that the provider refused: the authorization lasts until its time.
func (c *change) keepAuthorization() {
	c.Goal = ""
	c.clearAttention(UnknownOutcome)
	since := c.Now
	if a := c.chargeAttempt(); a != nil && a.FinishedAt != nil {
		since = *a.FinishedAt
	}
	c.NextStepAt = at(since.Add(c.AuthorizationExpiry))
}
