package order

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// CanRefund reports whether money can be given back by a refund of its own: not while a cancel gives all of it back.
func (o *Order) CanRefund() bool { return o.Status != Cancelling && o.Refundable() > 0 }

// Refund gives an amount back, in minor units, and returns the refund's id. The caller has asked CanRefund, and the
// amount is at most Refundable.
func (o *Order) Refund(c Cause, minor int64, reason *string) (uuid.UUID, error) {
	for i := range o.Payments {
		// What is refundable is all of one payment: what another took after it had ended is on its way back.
		if p := &o.Payments[i]; p.Status == payment.Confirmed {
			if err := o.addRefund(c, p, minor, at(c.Now), reason); err != nil {
				return uuid.Nil, err
			}
			return p.Refunds[len(p.Refunds)-1].ID, nil
		}
	}
	return uuid.Nil, errors.New("no payment has money to refund")
}

// addRefund sets an amount of a payment aside as pending and makes the attempt that gives it back, due at the given
// time. Its amount is counted at once, so no second refund can take the same money.
func (o *Order) addRefund(c Cause, p *payment.Payment, minor int64, due *time.Time, reason *string) error {
	if minor <= 0 || minor > p.Refundable() {
		return errors.New("refund exceeds what is refundable")
	}
	o.recordRefund(c, o.setAside(c, p, minor, due, reason))
	return nil
}

// setAside is addRefund without its event, for a refund that has to be there in the version before.
func (o *Order) setAside(c Cause, p *payment.Payment, minor int64, due *time.Time, reason *string) uuid.UUID {
	var last uuid.UUID
	for i := range o.Payments {
		last = later(last, lastID(o.Payments[i].Refunds, func(r *payment.Refund) uuid.UUID { return r.ID }))
	}
	r := payment.Refund{
		ID:        id.After(last, c.Now),
		OrderID:   o.ID,
		PaymentID: p.ID,
		Amount:    o.amount(minor),
		Status:    payment.RefundPending,
		Reason:    reason,
		CreatedAt: c.Now,
		UpdatedAt: c.Now,
	}
	p.Refunds = append(p.Refunds, r)
	o.addAttempt(c, p, payment.Attempt{RefundID: &r.ID, Operation: payment.OperationRefund, NextCallAt: due})
	return r.ID
}

func (o *Order) recordRefund(c Cause, refundID uuid.UUID) {
	amount := o.RefundByID(refundID).Amount
	o.record(c, RefundCreated, EventData{RefundID: &refundID, Amount: &amount})
}

// settleRefund takes in the answer to a refund.
func (o *Order) settleRefund(c Cause, a *payment.Attempt, p *payment.Payment, result payment.Result) error {
	r := p.RefundByID(*a.RefundID)
	switch result.Outcome {
	case payment.Refunded:
		a.Finish(payment.AttemptSuccess, "", c.Now)
		changed, err := r.Apply(payment.Succeed, c.Now)
		if err != nil || !changed {
			return err
		}
		p.UpdatedAt = c.Now
		o.calm(p, payment.UnknownOutcome, payment.ProviderDown)
		o.record(c, RefundSucceeded, EventData{RefundID: &r.ID, Amount: &r.Amount})
		return nil
	case payment.Refused:
		message := refusal(a, result)
		a.Finish(payment.AttemptFail, message, c.Now)
		changed, err := r.Apply(payment.Fail, c.Now)
		if err != nil || !changed {
			return err
		}
		o.calm(p, payment.UnknownOutcome)
		o.refundFailed(c, p, *r, message)
		return nil
	case payment.Captured, payment.Held, payment.Prepared, payment.ActionRequired, payment.Released, payment.NotFound:
		fallthrough // as good as no answer
	default:
		o.postpone(c, a, p, result.Outcome, "unexpected answer "+string(result.Outcome))
		return nil
	}
}

// refundFailed records it. What a payment took after it had ended pays for nothing, so no version may keep it: its refund
// is replaced in the same one.
func (o *Order) refundFailed(c Cause, p *payment.Payment, failed payment.Refund, message string) {
	data := EventData{RefundID: &failed.ID, Amount: &failed.Amount, Reason: &message}
	if p.Status == payment.Confirmed {
		o.record(c, RefundFailed, data)
		return
	}
	n := failedRefunds(p)
	next := o.setAside(c, p, failed.Amount.Minor, at(c.Now.Add(backoff(n, p.ID))), failed.Reason)
	o.record(c, RefundFailed, data)
	o.recordRefund(c.by(ActorSystem), next)
	if n >= callsCap {
		o.needsAttention(c, p, payment.ProviderDown)
	}
}

// failedRefunds counts the refunds of a payment that failed: the pause before the next one grows with it.
func failedRefunds(p *payment.Payment) int {
	n := 0
	for _, r := range p.Refunds {
		if r.Status == payment.RefundFailed {
			n++
		}
	}
	return n
}
