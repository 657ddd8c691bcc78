package payment

import (
	"errors"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

// Refund returns money of a payment to the customer.
type Refund struct {
	ID        id.Refund    `json:"id"`
	OrderID   id.Order     `json:"orderId"`
	PaymentID id.Payment   `json:"paymentId"`
	Amount    money.Amount `json:"amount"`
	Status    RefundStatus `json:"status"`
	// Reason is the requester's text, or the reason of the failure.
	Reason    *string   `json:"reason,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// IsNode marks the refund as a GraphQL Node.
func (Refund) IsNode() {}

// apply makes the transition the RefundMachine has for the action, like Payment.apply.
func (r *Refund) apply(action RefundAction, now time.Time) (changed bool, err error) {
	next, err := RefundMachine.Next(r.Status, action)
	if err != nil || next == r.Status {
		return false, err
	}
	r.Status = next
	r.UpdatedAt = now
	return true, nil
}

// RefundByID returns the refund with the id, or nil.
func (p *Payment) RefundByID(refundID id.Refund) *Refund {
	for i := range p.Refunds {
		if p.Refunds[i].ID == refundID {
			return &p.Refunds[i]
		}
	}
	return nil
}

// RefundsIn is the amount of the payment's refunds in a status, in minor units.
func (p *Payment) RefundsIn(status RefundStatus) (minor int64) {
	for i := range p.Refunds {
		if p.Refunds[i].Status == status {
			minor += p.Refunds[i].Amount.Minor
		}
	}
	return minor
}

// Refundable is captured less refunded and pending, in minor units.
func (p *Payment) Refundable() int64 {
	return p.Captured - p.RefundsIn(RefundSucceeded) - p.RefundsIn(RefundPending)
}

// RequestRefund makes a PENDING refund of an amount in minor units, and the attempt that carries it out. The amount is no longer
// Refundable at once, so no second refund can use it. An amount above Refundable is an error.
func (p *Payment) RequestRefund(t Terms, minor int64, reason *string) ([]Fact, error) {
	c := change{Payment: p, Terms: t}
	err := c.requestRefund(refundRequest{minor: minor, due: t.Now, reason: reason})
	return c.facts, err
}

// refundRequest describes a new refund.
type refundRequest struct {
	minor int64
	// due is the time of the first call.
	due    time.Time
	reason *string
	// automatic: see Fact.
	automatic bool
}

// requestRefund is RequestRefund within another change.
func (c *change) requestRefund(q refundRequest) error {
	if q.minor <= 0 || q.minor > c.Refundable() {
		return errors.New("refund exceeds what is refundable")
	}
	c.refundRequested(c.addRefund(q), q.automatic)
	return nil
}

// addRefund is requestRefund without its fact, for a refund that an earlier fact's version must have already.
func (c *change) addRefund(q refundRequest) Refund {
	last := c.LastRefund
	if n := len(c.Refunds); n > 0 {
		last = later(last, c.Refunds[n-1].ID)
	}
	r := Refund{
		ID:        id.After(last, c.Now),
		OrderID:   c.OrderID,
		PaymentID: c.ID,
		Amount:    money.Amount{Minor: q.minor, Currency: c.Amount.Currency},
		Status:    RefundPending,
		Reason:    q.reason,
		CreatedAt: c.Now,
		UpdatedAt: c.Now,
	}
	c.Refunds = append(c.Refunds, r)
	c.addAttempt(Attempt{RefundID: &r.ID, Operation: OperationRefund, NextCallAt: &q.due})
	return r
}

func (c *change) refundRequested(r Refund, automatic bool) {
	c.record(Fact{Kind: FactRefundRequested, Automatic: automatic, RefundID: &r.ID, Amount: &r.Amount})
}

// settleRefund applies the answer to a refund.
func (c *change) settleRefund(a *Attempt, result Result) error {
	r := c.RefundByID(*a.RefundID)
	switch result.Outcome {
	case Refunded:
		a.Finish(AttemptSuccess, "", c.Now)
		changed, err := r.apply(Succeed, c.Now)
		if err != nil || !changed {
			return err
		}
		c.UpdatedAt = c.Now
		c.clearAttention(UnknownOutcome, ProviderDown)
		c.record(Fact{Kind: FactRefundSucceeded, RefundID: &r.ID, Amount: &r.Amount})
		return nil
	case Refused:
		message := refusal(a, result)
		a.Finish(AttemptFail, message, c.Now)
		changed, err := r.apply(Fail, c.Now)
		if err != nil || !changed {
			return err
		}
		c.clearAttention(UnknownOutcome)
		c.refundFailed(*r, message)
		return nil
	case Captured, Held, Prepared, ActionRequired, Released, NotFound:
		fallthrough // no answer to a refund
	default:
		c.unexpected(a, result)
		return nil
	}
}

// refundFailed records a failed refund. Money that was captured after the payment had ended pays for nothing, and no version may
// keep it: its refund is replaced in the same version.
func (c *change) refundFailed(failed Refund, message string) {
	fact := Fact{Kind: FactRefundFailed, RefundID: &failed.ID, Amount: &failed.Amount, Reason: &message}
	if c.Status == Confirmed {
		c.record(fact)
		return
	}
	n := c.failedRefunds()
	next := c.addRefund(refundRequest{minor: failed.Amount.Minor, due: c.Now.Add(backoff(n, c.ID)), reason: failed.Reason})
	c.record(fact)
	c.refundRequested(next, true)
	if n >= maxRefusals {
		c.needsAttention(ProviderDown)
	}
}

// failedRefunds counts the refunds that failed: the pause before the next one grows with it.
func (p *Payment) failedRefunds() int {
	n := 0
	for i := range p.Refunds {
		if p.Refunds[i].Status == RefundFailed {
			n++
		}
	}
	return n
}
