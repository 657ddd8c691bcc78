package order

import (
	"errors"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// addRefund sets an amount of a payment aside as pending and makes the attempt that gives it back, due at the given
// time. Its amount is counted at once, so no second refund can take the same money.
func (o *Order) addRefund(c Cause, p *payment.Payment, minor int64, due *time.Time, reason *string) error {
	if minor <= 0 || minor > o.refundableOf(p) {
		return errors.New("refund exceeds what is refundable")
	}
	o.Refunds = append(o.Refunds, payment.Refund{
		ID:        id.New(),
		OrderID:   o.ID,
		PaymentID: p.ID,
		Amount:    o.amount(minor),
		Status:    payment.RefundPending,
		Reason:    reason,
		CreatedAt: c.Now,
		UpdatedAt: c.Now,
	})
	r := &o.Refunds[len(o.Refunds)-1]
	o.RefundPending += minor
	refundID := r.ID
	o.addAttempt(c, payment.Attempt{PaymentID: p.ID, RefundID: &refundID, Operation: payment.OperationRefund, NextCallAt: due})
	o.record(c, RefundCreated, EventData{RefundID: &refundID, Amount: &r.Amount})
	return nil
}

// refundableOf is what of one payment is captured and neither refunded nor pending.
func (o *Order) refundableOf(p *payment.Payment) int64 {
	left := p.Captured - p.Refunded
	for _, r := range o.Refunds {
		if r.PaymentID == p.ID && r.Status == payment.RefundPending {
			left -= r.Amount.Minor
		}
	}
	return left
}

// settleRefund takes in the answer to a refund.
func (o *Order) settleRefund(c Cause, a *payment.Attempt, p *payment.Payment, result payment.Result) error {
	r := o.refundByID(*a.RefundID)
	switch result.Outcome {
	case payment.Refunded:
		a.Finish(payment.AttemptSuccess, "", c.Now)
		changed, err := r.Apply(payment.Succeed, c.Now)
		if err != nil || !changed {
			return err
		}
		o.RefundPending -= r.Amount.Minor
		o.Refunded += r.Amount.Minor
		p.Refunded += r.Amount.Minor
		p.UpdatedAt = c.Now
		p.Attention = nil
		o.record(c, RefundSucceeded, EventData{RefundID: &r.ID, Amount: &r.Amount})
		return nil
	case payment.Refused:
		message := a.Message
		if message == "" {
			message = result.Code
		}
		a.Finish(payment.AttemptFail, message, c.Now)
		changed, err := r.Apply(payment.Fail, c.Now)
		if err != nil || !changed {
			return err
		}
		o.RefundPending -= r.Amount.Minor
		o.record(c, RefundFailed, EventData{RefundID: &r.ID, Amount: &r.Amount, Reason: &message})
		return nil
	default:
		o.postpone(c, a, p, payment.UnknownOutcome, "unexpected answer "+string(result.Outcome))
		return nil
	}
}

// failedRefunds counts the refunds of a payment that failed: the pause before the next one grows with it.
func (o *Order) failedRefunds(p *payment.Payment) int {
	n := 0
	for _, r := range o.Refunds {
		if r.PaymentID == p.ID && r.Status == payment.RefundFailed {
			n++
		}
	}
	return n
}
