package payment

// Unwind takes the next steps to return a payment's money. It decides from the payment's state alone, so it may be called after any
// change, any number of times:
//
//   - A payment that the provider cannot know of is voided at once.
//   - A payment that is authorized, waits for the customer or is prepared and not confirmed gets a VOID attempt.
//   - A payment whose charge or capture is under way is left until that is answered. If there was no answer, it gets a VOID attempt, too:
//     repeating the operation would only take money that is to be returned.
//   - What is captured and not refunded is refunded, except what a dispute holds. A failed refund is replaced after a pause.
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
	return !p.Status.Active() && p.Captured <= p.RefundsIn(RefundSucceeded)+p.DisputesIn(DisputeLost)
}

func (c *change) unwindActive() error {
	open := c.openAttempt()
	if open != nil && open.Operation == OperationVoid {
		return nil
	}
	// The provider has the charge, and no call of ours is under way that could still change it.
	idle := c.Status == RequiresAction || open != nil && (open.Prepared || open.LookUpOnly || open.Outcome != nil)
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
	return c.release(false)
}

func (c *change) unwindCaptured() error {
	left := c.Refundable()
	if left <= 0 {
		return nil
	}
	due := c.Now
	if n := c.failedRefunds(); n > 0 {
		due = c.Now.Add(backoff(n, c.ID))
		if n >= maxRefusals {
			c.needsAttention(ProviderDown)
		}
	}
	return c.requestRefund(refundRequest{minor: left, due: due, origin: RefundOfCancel})
}
