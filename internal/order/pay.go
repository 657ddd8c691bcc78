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
	o.addAttempt(c, payment.Attempt{PaymentID: p.ID, Operation: payment.OperationAuthorize, NextCallAt: &due})
	o.record(c, PaymentProcessing, EventData{PaymentID: &p.ID})
	return nil
}

func (o *Order) addAttempt(c Cause, a payment.Attempt) {
	a.ID = id.New()
	a.OrderID = o.ID
	a.StartedAt = c.Now
	o.Attempts = append(o.Attempts, a)
}

// Settle takes in the provider's answer to an attempt's call: a result, or the error of the Gateway. It closes the
// attempt, or postpones it when the outcome is unknown, and makes the transitions that follow. An attempt that is
// closed already changes nothing.
func (o *Order) Settle(c Cause, policy Policy, attemptID uuid.UUID, result payment.Result, callErr error) error {
	a := o.attemptByID(attemptID)
	if a == nil {
		return fmt.Errorf("order %s has no attempt %s", o.ID, attemptID)
	}
	if !a.Open() {
		return nil
	}
	p := o.paymentByID(a.PaymentID)
	if result.Reference != "" {
		p.Reference = result.Reference
	}
	c = c.by(ActorProvider)
	var definite *payment.DefiniteError
	switch {
	case callErr == nil:
	case errors.As(callErr, &definite):
		result = payment.Result{Outcome: payment.Refused, Code: "provider_refused"}
		a.Message = definite.Message
	default:
		o.postpone(c, a, p, payment.UnknownOutcome, callErr.Error())
		return nil
	}
	var err error
	switch a.Operation {
	case payment.OperationAuthorize, payment.OperationCapture:
		err = o.settleCharge(c, policy, a, p, result)
	case payment.OperationVoid:
		err = o.settleVoid(c, policy, a, p, result)
	case payment.OperationRefund:
		err = o.settleRefund(c, a, p, result)
	}
	if err != nil {
		return err
	}
	return o.unwind(c)
}

// postpone keeps the attempt open and calls again later. After too many calls a person is asked to look, once.
func (o *Order) postpone(c Cause, a *payment.Attempt, p *payment.Payment, why payment.Attention, message string) {
	next := c.Now.Add(backoff(a.Calls, a.ID))
	a.Postpone(message, next)
	if a.RefundID == nil {
		p.NextStepAt = &next
	}
	if a.Calls >= attentionAfterCalls {
		o.needsAttention(c, p, why)
	}
}

func (o *Order) needsAttention(c Cause, p *payment.Payment, why payment.Attention) {
	if p.Attention != nil {
		return
	}
	p.Attention = &why
	o.record(c.by(ActorSystem), PaymentNeedsAttention, EventData{PaymentID: &p.ID, Attention: &why})
}

// settleCharge takes in the answer to an authorize or a capture.
func (o *Order) settleCharge(c Cause, policy Policy, a *payment.Attempt, p *payment.Payment, r payment.Result) error {
	switch r.Outcome {
	case payment.Captured:
		a.Finish(payment.AttemptSuccess, "", c.Now)
		return o.captured(c, policy, p)
	case payment.Held:
		a.Finish(payment.AttemptSuccess, "", c.Now)
		if changed, err := p.Apply(payment.Authorize, c.Now); err != nil || !changed {
			return err
		}
		p.Attention = nil
		p.NextStepAt = at(c.Now.Add(policy.AuthorizationExpiry))
		o.ExpiresAt = nil
		o.record(c, PaymentAuthorized, EventData{PaymentID: &p.ID, Amount: &p.Amount})
		return nil
	case payment.ActionRequired:
		if changed, err := p.Apply(payment.RequireAction, c.Now); err != nil || !changed {
			return err
		}
		// The attempt stays open under the same key and waits for the customer; nothing calls until then.
		a.NextCallAt = nil
		p.NextAction = r.Action
		o.record(c, PaymentActionRequired, EventData{PaymentID: &p.ID})
		return nil
	case payment.Refused:
		message := a.Message
		if message == "" {
			message = r.Code
		}
		a.Finish(payment.AttemptFail, message, c.Now)
		if a.Operation == payment.OperationCapture {
			// The money is still held: a capture that was refused is tried again by staff, or the hold expires.
			return nil
		}
		if changed, err := p.Apply(payment.Decline, c.Now); err != nil || !changed {
			return err
		}
		p.Attention = nil
		p.DeclineCode = &r.Code
		o.record(c, PaymentDeclined, EventData{PaymentID: &p.ID, DeclineCode: p.DeclineCode})
		return nil
	default:
		// Not an answer to what was asked: as good as none.
		o.postpone(c, a, p, payment.UnknownOutcome, "unexpected answer "+string(r.Outcome))
		return nil
	}
}

// captured books the money of a payment. A success that comes after the payment ended otherwise is booked as well, so
// that unwind or refundLate gives it back: money is never ignored.
func (o *Order) captured(c Cause, policy Policy, p *payment.Payment) error {
	if p.Captured > 0 {
		return nil
	}
	changed, err := p.Apply(payment.Capture, c.Now)
	p.Captured = p.Amount.Minor
	o.Captured += p.Amount.Minor
	if err != nil {
		return o.addRefund(c.by(ActorSystem), p, p.Captured, at(c.Now), reasonText("the payment had ended when its success arrived"))
	}
	if !changed {
		return nil
	}
	p.Attention = nil
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
