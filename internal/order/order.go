// Package order implements the order aggregate: its immutable Head and its versioned State, the state machine and the pure
// methods that change it, each recording its event, what is due next (Advance), and the Service that resolvers and the pipeline
// call. Package payment decides about payments; an order reacts to the facts that it returns (event_type.go).
package order

import (
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// CancelReason says who cancelled, as in the GraphQL enum CancelReason.
type CancelReason string

// The reasons.
const (
	CancelledByCustomer CancelReason = "CUSTOMER"
	CancelledByStaff    CancelReason = "STAFF"
	CancelledByExpiry   CancelReason = "EXPIRED"
)

// Valid reports whether the reason is one of the above.
func (r CancelReason) Valid() bool {
	switch r {
	case CancelledByCustomer, CancelledByStaff, CancelledByExpiry:
		return true
	default:
		return false
	}
}

// State has the fields of an order that change between its versions. Its JSON form is a Document, which is stored with each event,
// so a name in it is for ever. Balances are minor units of the order's currency: Captured ≥ Refunded + RefundPending ≥ 0, and what disputes
// have withdrawn. balance
// derives them from the payments.
type State struct {
	Status        Status        `json:"status"`
	Version       int           `json:"version"`
	CancelReason  *CancelReason `json:"cancelReason,omitempty"`
	Captured      int64         `json:"captured"`
	Refunded      int64         `json:"refunded"`
	RefundPending int64         `json:"refundPending"`
	Disputed      int64         `json:"disputed,omitempty"`
	UpdatedAt     time.Time     `json:"updatedAt"`
	// ExpiresAt is the time at which an unpaid order is cancelled, DeliversAt that at which a paid one is delivered.
	ExpiresAt  *time.Time        `json:"expiresAt,omitempty"`
	DeliversAt *time.Time        `json:"deliversAt,omitempty"`
	Payments   []payment.Payment `json:"payments"`
}

// Order is an order as of one version. Its payments, and the refunds and attempts of each, are in the order they were made.
type Order struct {
	*Head
	State
	// CancelNote is the note of the person who cancelled. Kept with the order, never in the log. Loaded only for changes.
	CancelNote *string
	// Source is which client address a new payment comes from, as a keyed hash; uuid.Nil: not known. It is kept outside of the order,
	// for as long as the order is worked on, and never loaded.
	Source uuid.UUID

	// events recorded since it was loaded.
	events []Event
}

// IsNode marks the order as a GraphQL Node.
func (*Order) IsNode() {}

// Payment returns the order's current payment: the one that has paid it, otherwise the latest. They differ when a payment succeeded while a
// later one waited for its end.
func (o *Order) Payment() *payment.Payment {
	if len(o.Payments) == 0 {
		return nil
	}
	for i := len(o.Payments) - 1; i >= 0; i-- {
		if p := &o.Payments[i]; p.Status == payment.Confirmed {
			return p
		}
	}
	return &o.Payments[len(o.Payments)-1]
}

// Refundable is captured less refunded, pending and withdrawn by disputes, in minor units. It is never negative.
func (o *Order) Refundable() int64 { return max(0, o.Captured-o.Refunded-o.RefundPending-o.Disputed) }

// Clone returns a copy that shares only the immutable Head, with no events recorded. A change works on a clone, so that
// a refused change leaves nothing behind.
func (o *Order) Clone() *Order {
	c := &Order{Head: o.Head, State: o.State, CancelNote: o.CancelNote}
	c.Payments = make([]payment.Payment, len(o.Payments))
	for i := range o.Payments {
		c.Payments[i] = o.Payments[i].Clone()
	}
	return c
}

// balance derives the balances from the payments and their refunds. It runs before each event, and no balance changes without one. An
// order that was read without its refunds has them as they were saved.
func (s *State) balance(payments []payment.Payment) {
	s.Captured, s.Refunded, s.RefundPending, s.Disputed = 0, 0, 0, 0
	for i := range payments {
		s.Captured += payments[i].Captured
		s.Refunded += payments[i].RefundsIn(payment.RefundSucceeded)
		s.RefundPending += payments[i].RefundsIn(payment.RefundPending)
		s.Disputed += payments[i].Disputed()
	}
}

// PaymentByID returns the payment with the id, or nil.
func (s *State) PaymentByID(id id.Payment) *payment.Payment {
	if i := s.indexOf(id); i >= 0 {
		return &s.Payments[i]
	}
	return nil
}

// indexOf is the index of the payment with the id, -1 if there is none.
func (s *State) indexOf(paymentID id.Payment) int {
	for i := range s.Payments {
		if s.Payments[i].ID == paymentID {
			return i
		}
	}
	return -1
}

// RefundByID returns the refund with the id, or nil.
func (o *Order) RefundByID(id id.Refund) *payment.Refund {
	for i := range o.Payments {
		if r := o.Payments[i].RefundByID(id); r != nil {
			return r
		}
	}
	return nil
}

// RefundOrigin returns why a refund was made, also of one that was made before origins were kept.
func (o *Order) RefundOrigin(r *payment.Refund) payment.RefundOrigin {
	p := o.PaymentByID(r.PaymentID)
	switch {
	case r.Origin != "":
		return r.Origin
	case p != nil && p.Status != payment.Confirmed:
		return payment.RefundOfLateSuccess
	case o.CancelReason != nil:
		return payment.RefundOfCancel
	default:
		return payment.RefundOfStaff
	}
}

// DisputeByID returns the dispute with the id, or nil.
func (o *Order) DisputeByID(disputeID id.Dispute) *payment.Dispute {
	for i := range o.Payments {
		for j := range o.Payments[i].Disputes {
			if d := &o.Payments[i].Disputes[j]; d.ID == disputeID {
				return d
			}
		}
	}
	return nil
}

func (o *Order) amount(minor int64) money.Amount {
	return money.Amount{Minor: minor, Currency: o.Total.Currency}
}
