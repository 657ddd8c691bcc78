package payment

import (
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/money"
)

// Refund gives money of a payment back.
type Refund struct {
	ID        uuid.UUID    `json:"id"`
	OrderID   uuid.UUID    `json:"orderId"`
	PaymentID uuid.UUID    `json:"paymentId"`
	Amount    money.Amount `json:"amount"`
	Status    RefundStatus `json:"status"`
	// Reason is the words of whoever asked for it, or why it failed.
	Reason    *string   `json:"reason,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// IsNode marks the refund as a GraphQL Node.
func (Refund) IsNode() {}

// Apply makes the transition the RefundMachine has for the action, like Payment.Apply.
func (r *Refund) Apply(action RefundAction, now time.Time) (changed bool, err error) {
	next, err := RefundMachine.Next(r.Status, action)
	if err != nil || next == r.Status {
		return false, err
	}
	r.Status = next
	r.UpdatedAt = now
	return true, nil
}

// RefundByID returns the refund with the id, or nil.
func (p *Payment) RefundByID(refundID uuid.UUID) *Refund {
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

// Refundable is what was captured and is neither refunded nor about to be, in minor units.
func (p *Payment) Refundable() int64 {
	return p.Captured - p.RefundsIn(RefundSucceeded) - p.RefundsIn(RefundPending)
}
