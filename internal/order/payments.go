package order

import (
	"errors"
	"fmt"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// CanRetry reports whether a new payment may be made: the order is unpaid, and no payment of it may still take money, other than one that waits
// for its customer or has not reached its provider.
func (o *Order) CanRetry() bool {
	active := o.activePayment()
	return Machine.Changes(o.Status, Pay) && (active == nil || active.Status == payment.RequiresAction || active.Unreached())
}

// Retry makes a new payment after the last one failed, or in place of one that waits for its customer or has not reached its provider. The
// caller has asked CanRetry.
func (o *Order) Retry(c Cause, policy Policy, method PaymentMethod) (id.Payment, error) {
	if err := o.replaceActive(c, policy); err != nil {
		return id.Payment{}, err
	}
	p := o.addPayment(c, policy, method)
	if o.ExpiresAt == nil {
		o.ExpiresAt = at(c.Now.Add(policy.Expiry))
	}
	paymentID := p.ID
	o.record(c, PaymentRetried, EventData{PaymentID: &paymentID})
	return paymentID, nil
}

// CanCompleteAction reports whether the payment waits for its customer.
func (o *Order) CanCompleteAction(p *payment.Payment) bool {
	return o.Status == Created && p.CanCompleteAction()
}

// CanCapture reports whether the payment's authorized money may be captured now.
func (o *Order) CanCapture(p *payment.Payment) bool { return o.Status == Created && p.CanCapture() }

// Capture makes the attempt that captures all that is authorized. The caller has asked CanCapture.
func (o *Order) Capture(c Cause, p *payment.Payment) { p.Capture(o.terms(c, Policy{})) }

// CapturePart makes the attempt that captures an amount in minor units; see payment.Payment.CapturePart. The caller has asked CanCapture.
func (o *Order) CapturePart(c Cause, p *payment.Payment, minor int64, keepsRest bool) {
	p.CapturePart(o.terms(c, Policy{}), minor, keepsRest)
}

// CanVoid reports whether the payment may be voided now.
func (o *Order) CanVoid(p *payment.Payment) bool { return o.Status == Created && p.CanVoid() }

// Void ends a payment before its money is taken; see payment.Payment.Void. The caller has asked CanVoid.
func (o *Order) Void(c Cause, policy Policy, p *payment.Payment) error {
	facts, err := p.Void(o.terms(c, policy))
	if err != nil {
		return err
	}
	return o.take(c, policy, o.indexOf(p.ID), facts)
}

// CanRefund reports whether a refund may be made: not while a cancel refunds everything. It needs no refunds to be loaded.
func (o *Order) CanRefund() bool { return o.Status != Cancelling && o.Refundable() > 0 }

// RefundableAtOnce is the most that one refund can give back, in minor units: a refund is of one payment. It is Refundable unless money of
// an earlier payment came back to us too. It needs the refunds to be loaded.
func (o *Order) RefundableAtOnce() (minor int64) {
	for i := range o.Payments {
		minor = max(minor, o.Payments[i].Refundable())
	}
	return minor
}

// Refund makes a refund of an amount in minor units and returns its id. lines are what the amount pays for, as LineAmount has computed it; nil
// if the refund is not by line. The caller has asked CanRefund, and the amount is at most RefundableAtOnce.
func (o *Order) Refund(c Cause, minor int64, reason *string, lines []payment.RefundLine) (id.Refund, error) {
	for i := range o.Payments {
		p := &o.Payments[i]
		if p.Refundable() < minor {
			continue
		}
		facts, err := p.RequestRefund(o.terms(c, Policy{}), minor, reason, lines)
		if err != nil {
			return id.Refund{}, err
		}
		if err := o.take(c, Policy{}, i, facts); err != nil {
			return id.Refund{}, err
		}
		return p.Refunds[len(p.Refunds)-1].ID, nil
	}
	return id.Refund{}, errors.New("no payment has money to refund")
}

// RequestRecheck requests a look-up of the payment's charge; see payment.Payment.RequestRecheck.
func (o *Order) RequestRecheck(c Cause, paymentID id.Payment) {
	if p := o.PaymentByID(paymentID); p != nil {
		p.RequestRecheck(c.Now)
	}
}

// Settle applies the provider's answer to a Work; see payment.Payment.Settle. An order that is being cancelled is then unwound
// further.
func (o *Order) Settle(c Cause, policy Policy, work *payment.Work, result payment.Result, callErr error) error {
	c = c.by(ActorProvider)
	index := o.indexOf(work.Call.PaymentID)
	if index < 0 {
		return fmt.Errorf("order %s has no payment %s", o.ID, work.Call.PaymentID)
	}
	terms := o.terms(c, policy)
	terms.KeyLife = policy.keyLife(o.Payments[index].Provider)
	facts, answered, err := o.Payments[index].Settle(terms, work, result, callErr)
	return o.settled(c, policy, index, facts, answered, err)
}

// Resolve settles a payment that needs a person; see payment.Payment.Resolve.
func (o *Order) Resolve(c Cause, policy Policy, paymentID id.Payment, r payment.Resolution) error {
	index := o.indexOf(paymentID)
	if index < 0 {
		return fmt.Errorf("order %s has no payment %s", o.ID, paymentID)
	}
	facts, settled, err := o.Payments[index].Resolve(o.terms(c, policy), r)
	return o.settled(c, policy, index, facts, settled, err)
}

// settled applies the facts of an answer, and unwinds a cancelled order further if the answer has the operation's outcome.
func (o *Order) settled(c Cause, policy Policy, index int, facts []payment.Fact, unwind bool, err error) error {
	if err != nil {
		return err
	}
	if err := o.take(c, policy, index, facts); err != nil {
		return err
	}
	if err := o.endWaiting(c, policy); err != nil {
		return err
	}
	o.resumeDelivery(c, policy)
	if !unwind {
		return nil
	}
	return o.unwind(c)
}

// activePayment is the latest payment that may still take money, or nil.
func (o *Order) activePayment() *payment.Payment {
	for i := len(o.Payments) - 1; i >= 0; i-- {
		if o.Payments[i].Status.Active() {
			return &o.Payments[i]
		}
	}
	return nil
}
