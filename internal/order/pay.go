package order

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// begin hands an INITIALIZING payment to the pipeline: PROCESSING, with the attempt whose id will be the provider's
// idempotency key. It is committed a step before the first call.
func (o *Order) begin(c Cause, policy Policy, p *payment.Payment) error {
	changed, err := p.Apply(payment.Begin, c.Now)
	if err != nil || !changed {
		return err
	}
	due := c.Now.Add(policy.StepDelay)
	p.NextStepAt = &due
	o.addAttempt(c, p, payment.Attempt{Operation: payment.OperationAuthorize, NextCallAt: &due})
	o.record(c, PaymentProcessing, EventData{PaymentID: &p.ID})
	return nil
}

func (o *Order) addAttempt(c Cause, p *payment.Payment, a payment.Attempt) {
	var last uuid.UUID
	for i := range o.Payments {
		last = later(last, lastID(o.Payments[i].Attempts, func(a *payment.Attempt) uuid.UUID { return a.ID }))
	}
	a.ID = id.After(last, c.Now)
	a.OrderID, a.PaymentID = o.ID, p.ID
	a.StartedAt = c.Now
	p.Attempts = append(p.Attempts, a)
}

// Settle takes in the provider's answer to a Work: a result, or the error of the Gateway. It closes the attempt, or
// postpones it when the outcome is unknown, and makes the transitions that follow. Taking in the same answer twice
// changes nothing the second time.
func (o *Order) Settle(c Cause, policy Policy, work *Work, result payment.Result, callErr error) error {
	c = c.by(ActorProvider)
	result, callErr = payment.Take(result, callErr)
	if work.recheck != nil {
		return o.settleRecheck(c, policy, work, result, callErr)
	}
	p := o.PaymentByID(work.Call.PaymentID)
	if p == nil {
		return fmt.Errorf("order %s has no payment %s", o.ID, work.Call.PaymentID)
	}
	a := p.AttemptByID(work.Call.Key)
	if a == nil {
		return fmt.Errorf("order %s has no attempt %s", o.ID, work.Call.Key)
	}
	if !a.Open() {
		if callErr != nil {
			return nil
		}
		return o.lateAnswer(c, policy, a, p, result)
	}
	var definite *payment.DefiniteError
	switch {
	case callErr == nil:
	case errors.As(callErr, &definite):
		result = payment.Result{Outcome: payment.Refused, Code: "provider_refused"}
		a.Message = definite.Message
	default:
		o.postpone(c, a, p, "", callErr.Error())
		return nil
	}
	if result.Outcome == payment.Prepared {
		// New only if it tells what we do not know: a provider that says it again and again is not called again and again.
		if result.Reference == "" || result.Reference == p.Reference || work.LookUpOnly {
			result.Outcome = payment.NotFound
		}
	}
	if result.Reference != "" {
		p.Reference = result.Reference
	}
	if err := o.settleAttempt(c, policy, a, p, result); err != nil {
		return err
	}
	return o.unwind(c)
}

func (o *Order) settleAttempt(c Cause, policy Policy, a *payment.Attempt, p *payment.Payment, r payment.Result) error {
	switch a.Operation {
	case payment.OperationAuthorize:
		return o.settleAuthorize(c, policy, a, p, r)
	case payment.OperationCapture:
		return o.settleCapture(c, policy, a, p, r)
	case payment.OperationVoid:
		return o.settleVoid(c, policy, a, p, r)
	case payment.OperationRefund:
		return o.settleRefund(c, a, p, r)
	}
	return fmt.Errorf("attempt %s has the unknown operation %q", a.ID, a.Operation)
}

// settleAuthorize takes in the answer to an authorization.
func (o *Order) settleAuthorize(c Cause, policy Policy, a *payment.Attempt, p *payment.Payment, r payment.Result) error {
	switch r.Outcome {
	case payment.Captured:
		a.Finish(payment.AttemptSuccess, "", c.Now)
		return o.captured(c, policy, p)
	case payment.Held:
		a.Finish(payment.AttemptSuccess, "", c.Now)
		return o.held(c, policy, p)
	case payment.Prepared:
		// Its reference is committed before the call that confirms it.
		a.Prepared = true
		a.NextCallAt = at(c.Now)
		return nil
	case payment.ActionRequired:
		return o.actionRequired(c, a, p, r.Action)
	case payment.Refused:
		a.Finish(payment.AttemptFail, refusal(a, r), c.Now)
		if err := o.resume(c, p); err != nil {
			return err
		}
		if changed, err := p.Apply(payment.Decline, c.Now); err != nil || !changed {
			return err
		}
		o.calm(p, payment.UnknownOutcome, payment.ProviderDown)
		p.DeclineCode = &r.Code
		o.record(c, PaymentDeclined, EventData{PaymentID: &p.ID, DeclineCode: p.DeclineCode})
		return nil
	case payment.Released:
		a.Finish(payment.AttemptFail, "released at the provider", c.Now)
		return o.release(c, p, policy.Expiry)
	case payment.Refunded, payment.NotFound:
		fallthrough // as good as no answer
	default:
		o.postpone(c, a, p, r.Outcome, "unexpected answer "+string(r.Outcome))
		return nil
	}
}

// held books a hold: the order stops expiring, the hold has a time of its own.
func (o *Order) held(c Cause, policy Policy, p *payment.Payment) error {
	if err := o.resume(c, p); err != nil {
		return err
	}
	if changed, err := p.Apply(payment.Authorize, c.Now); err != nil || !changed {
		return err
	}
	o.calm(p, payment.UnknownOutcome, payment.ProviderDown)
	p.NextStepAt = at(c.Now.Add(policy.AuthorizationExpiry))
	o.ExpiresAt = nil
	o.record(c, PaymentAuthorized, EventData{PaymentID: &p.ID, Amount: &p.Amount})
	return nil
}

// actionRequired: the attempt stays open under the same key and waits for the customer. It is not called meanwhile, only
// looked up.
func (o *Order) actionRequired(c Cause, a *payment.Attempt, p *payment.Payment, action *payment.NextAction) error {
	changed, err := p.Apply(payment.RequireAction, c.Now)
	if err != nil {
		return err
	}
	if action != nil {
		p.NextAction = action
	}
	a.Outcome, a.Message, a.LookUpOnly = nil, "", false
	a.NextCallAt = at(o.nextLook(c, a, p))
	o.calm(p, payment.UnknownOutcome, payment.ProviderDown)
	if changed {
		p.ActionAsked = true
		o.record(c, PaymentActionRequired, EventData{PaymentID: &p.ID})
	}
	return nil
}

// resume: the customer has acted, so the payment is with the provider again before its answer is booked.
func (o *Order) resume(c Cause, p *payment.Payment) error {
	if p.Status != payment.RequiresAction {
		return nil
	}
	if _, err := p.Apply(payment.Continue, c.Now); err != nil {
		return err
	}
	o.record(c, PaymentProcessing, EventData{PaymentID: &p.ID})
	return nil
}

// captured books the money of a payment. A success that comes after the payment ended otherwise is booked as well, with
// the refund that gives it back in the same version: money is never ignored, and none is kept that pays for nothing.
func (o *Order) captured(c Cause, policy Policy, p *payment.Payment) error {
	if p.Captured > 0 {
		return nil
	}
	if err := o.resume(c, p); err != nil {
		return err
	}
	_, late := payment.Machine.Next(p.Status, payment.Capture)
	p.Captured = p.Amount.Minor
	o.calm(p, payment.UnknownOutcome, payment.ProviderDown)
	if late != nil {
		p.UpdatedAt = c.Now
		return o.addRefund(c.by(ActorSystem), p, p.Captured, at(c.Now), reasonText("the payment had ended when its success arrived"))
	}
	if _, err := p.Apply(payment.Capture, c.Now); err != nil {
		return err
	}
	if err := o.apply(Pay); err != nil {
		return err
	}
	o.ExpiresAt = nil
	if o.Status == Confirmed {
		o.DeliversAt = at(c.Now.Add(policy.DeliveryDelay))
	}
	o.record(c, PaymentConfirmed, EventData{PaymentID: &p.ID, Amount: &p.Amount})
	return nil
}

func reasonText(s string) *string { return &s }

// apply makes the transition the Machine has for the action. It is the only place where an order's status changes.
func (o *Order) apply(action Action) error {
	next, err := Machine.Next(o.Status, action)
	if err != nil {
		return err
	}
	o.Status = next
	return nil
}
