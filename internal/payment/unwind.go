package payment

// Unwind brings a payment whose money may not be kept as far as it gets without the provider. It decides from the payment's
// state alone, however often it is called:
//
//   - A payment the provider cannot know of is voided at once.
//   - One that is authorized, waits for the customer or is prepared and not confirmed gets a VOID attempt.
//   - One whose charge or capture is under way is left until its outcome is known, or its calls have reached their cap: then
//     it gets a VOID attempt, too.
//   - What is captured and not refunded is refunded; a failed refund is replaced, after a pause.
func (p *Payment) Unwind(t Terms) ([]Fact, error) {
	c := change{Payment: p, Terms: t}
	unwind := c.unwindCaptured
	if p.Status.Active() {
		unwind = c.unwindActive
	}
	err := unwind()
	return c.facts, err
}

// Unwound reports whether the payment keeps no money and can take none any more.
func (p *Payment) Unwound() bool {
	return !p.Status.Active() && p.Captured == p.RefundsIn(RefundSucceeded)
}

func (c *change) unwindActive() error {
	open := c.openAttempt()
	if open != nil && open.Operation == OperationVoid {
		return nil
	}
	// There is a charge that holds no call of ours back.
	idle := c.Status == RequiresAction || open != nil && (open.Prepared || open.LookUpOnly)
	switch {
	case open != nil && open.Called() && !idle:
		return nil
	case idle || c.Status == Authorized:
		c.requestVoid("cancelled")
		return nil
	}
	if open != nil {
		open.Finish(AttemptFail, "cancelled before it was sent", c.Now)
	}
	return c.release()
}

func (c *change) unwindCaptured() error {
	left := c.Refundable()
	if left <= 0 {
		return nil
	}
	due := c.Now
	if n := c.failedRefunds(); n > 0 {
		due = c.Now.Add(backoff(n, c.ID))
		if n >= maxCalls {
			c.needsAttention(ProviderDown)
		}
	}
	return c.requestRefund(refundRequest{minor: left, due: due, automatic: true})
}
