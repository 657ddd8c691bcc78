package payment

// A customer may pay another way while a payment waits for them, or after a decline. The earlier charge could still be paid, in another
// tab, so it is voided first. Meanwhile the new payment Waits: it is INITIALIZING and has no timer.

// Replace voids a payment that waits for its customer, who pays another way. The caller has asked CanCompleteAction.
func (p *Payment) Replace(t Terms) {
	c := change{Payment: p, Terms: t}
	c.requestVoid("the customer pays another way")
}

// KeepsWaiting reports whether the order's next payment has to wait for this one: it can still take money, or its charge is being voided.
// Attempts must be loaded.
func (p *Payment) KeepsWaiting() bool { return p.Status.Active() && !p.Waits || p.voidAttempt() != nil }

// AwaitsVoid reports whether the payment's charge is being voided and the provider will be asked again. Attempts must be loaded.
func (p *Payment) AwaitsVoid() bool {
	a := p.voidAttempt()
	return a != nil && !a.LookUpOnly
}

func (p *Payment) voidAttempt() *Attempt {
	if a := p.openAttempt(); a != nil && a.Operation == OperationVoid {
		return a
	}
	return nil
}

// LetBegin starts the timer of a payment that Waits, once nothing keeps it waiting. It has been INITIALIZING for a step's delay then.
func (p *Payment) LetBegin(t Terms) {
	p.NextStepAt = at(t.Now)
	if step := p.CreatedAt.Add(t.StepDelay); step.After(t.Now) {
		p.NextStepAt = &step
	}
}

// WaitOn stops the timer again.
func (p *Payment) WaitOn() { p.NextStepAt = nil }
