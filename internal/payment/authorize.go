package payment

// begin makes an INITIALIZING payment PROCESSING, with the attempt whose id will be the provider's idempotency key. It is
// committed a step before the first call.
func (c *change) begin() error {
	changed, err := c.apply(Begin, c.Now)
	if err != nil || !changed {
		return err
	}
	due := c.Now.Add(c.StepDelay)
	c.NextStepAt = &due
	c.addAttempt(Attempt{Operation: OperationAuthorize, NextCallAt: &due})
	c.happened(FactProcessing)
	return nil
}

// settleAuthorize applies the answer to an authorization.
func (c *change) settleAuthorize(a *Attempt, r Result) error {
	switch r.Outcome {
	case Captured:
		a.Finish(AttemptSuccess, "", c.Now)
		return c.charge(c.capturedAt(r))
	case Held:
		a.Finish(AttemptSuccess, "", c.Now)
		return c.authorize()
	case Prepared:
		// Its reference is committed before the call that confirms it.
		a.Prepared = true
		a.NextCallAt = at(c.Now)
		return nil
	case ActionRequired:
		return c.requireAction(a, r.Action)
	case Pending:
		return c.delay(a)
	case Refused:
		a.Finish(AttemptFail, refusal(a, r), c.Now)
		if err := c.decline(r.Code); err != nil {
			return err
		}
		c.voidPayable(r)
		return nil
	case Released:
		a.Finish(AttemptFail, "released at the provider", c.Now)
		return c.release(r.RanOut)
	case Refunded, NotFound:
		fallthrough // no answer to an authorization
	default:
		c.unexpected(a, r)
		return nil
	}
}

// authorize books an authorization. It expires after AuthorizationExpiry.
func (c *change) authorize() error {
	if err := c.resume(); err != nil {
		return err
	}
	if changed, err := c.apply(Authorize, c.Now); err != nil || !changed {
		return err
	}
	c.clearAttention(UnknownOutcome, ProviderDown)
	c.NextStepAt = at(c.Now.Add(c.AuthorizationExpiry))
	c.record(Fact{Kind: FactAuthorized, PaymentID: &c.ID, Amount: &c.Amount})
	return nil
}

// decline books a refusal, which is final for the payment.
func (c *change) decline(code string) error {
	if err := c.resume(); err != nil {
		return err
	}
	if changed, err := c.apply(Decline, c.Now); err != nil || !changed {
		return err
	}
	c.clearAttention(UnknownOutcome, ProviderDown)
	c.DeclineCode = &code
	c.record(Fact{Kind: FactDeclined, PaymentID: &c.ID, DeclineCode: c.DeclineCode})
	return nil
}

// requireAction keeps the attempt open under the same key while the customer has to act. It is not called meanwhile, only looked
// up.
func (c *change) requireAction(a *Attempt, action *NextAction) error {
	before := c.NextAction
	changed, err := c.apply(RequireAction, c.Now)
	if err != nil {
		return err
	}
	if action != nil {
		c.NextAction = action
		// A voucher that the customer has chosen in the browser: the order waits until its end.
		changed = changed || action.ExpiresAt != nil && (before == nil || !sameTime(before.ExpiresAt, action.ExpiresAt))
	}
	a.Outcome, a.Message, a.LookUpOnly, a.Accepted = nil, "", false, false
	a.NextCallAt = at(c.nextLookUp(a))
	c.clearAttention(UnknownOutcome, ProviderDown)
	if changed {
		c.ActionAsked = true
		c.happened(FactActionRequired)
	}
	return nil
}

// delay leaves an authorization to the bank, which decides in minutes or in days. Meanwhile it is neither called nor voided, since the
// provider would refuse both.
func (c *change) delay(a *Attempt) error {
	if c.Status == RequiresAction {
		if _, err := c.apply(Continue, c.Now); err != nil {
			return err
		}
	}
	c.accept(a)
	if c.Delayed || c.Status != Processing {
		return nil
	}
	c.Delayed = true
	c.UpdatedAt = c.Now
	c.clearAttention(UnknownOutcome, ProviderDown)
	c.happened(FactProcessing)
	return nil
}

// accept keeps an attempt open that the provider decides later.
func (c *change) accept(a *Attempt) {
	a.Accepted = true
	a.Outcome, a.Message, a.LookUpOnly = nil, "", false
	c.lookUpLater(a)
}

// lookUpLater sets when an accepted attempt is looked up again. Webhooks usually come before.
func (c *change) lookUpLater(a *Attempt) {
	next := at(c.Now.Add(lessJitter(min(max(c.Now.Sub(a.StartedAt)/4, shortestAcceptedPause), longestAcceptedPause), a.ID)))
	a.NextCallAt = next
	if a.RefundID == nil && c.Status.Active() {
		c.NextStepAt = next
	}
}

// resume makes a payment PROCESSING again whose customer has acted, before the provider's answer is booked.
func (c *change) resume() error {
	if c.Status != RequiresAction {
		return nil
	}
	if _, err := c.apply(Continue, c.Now); err != nil {
		return err
	}
	c.happened(FactProcessing)
	return nil
}

// CanCompleteAction reports whether the payment waits for its customer.
func (p *Payment) CanCompleteAction() bool { return p.Status == RequiresAction && p.Goal == "" }

// AwaitsProvider reports whether the payment waits for the answer to its authorization. It does not while its customer has to act, or once
// the operation is only looked up.
func (p *Payment) AwaitsProvider() bool {
	a := p.openAttempt()
	return p.Status.Active() && a != nil && a.Operation == OperationAuthorize && !p.awaitsCustomer(a) && !a.LookUpOnly
}

// awaitsCustomer reports whether the provider has answered the attempt and waits for the customer. It is only looked up then.
func (p *Payment) awaitsCustomer(a *Attempt) bool {
	return a.Operation == OperationAuthorize && p.Status == RequiresAction
}
