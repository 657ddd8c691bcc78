package order

import (
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// ActorKind as in the GraphQL enum ActorKind.
type ActorKind string

// The kinds of actor.
const (
	ActorCustomer ActorKind = "CUSTOMER"
	ActorStaff    ActorKind = "STAFF"
	// ActorSystem: a timer of ours.
	ActorSystem ActorKind = "SYSTEM"
	// ActorProvider: the payment provider decided.
	ActorProvider ActorKind = "PROVIDER"
)

// Valid reports whether the kind is one of the above.
func (k ActorKind) Valid() bool {
	switch k {
	case ActorCustomer, ActorStaff, ActorSystem, ActorProvider:
		return true
	default:
		return false
	}
}

// Actor is the person or program that caused an event. ID is the customer id of a person, otherwise all zeros.
type Actor struct {
	Kind ActorKind   `json:"kind"`
	ID   id.Customer `json:"id"`
}

// Cause describes the origin of a change: when, by whom and in which request ("" for the pipeline).
type Cause struct {
	Now       time.Time
	Actor     Actor
	RequestID string
}

// by returns the same cause with another actor.
func (c Cause) by(kind ActorKind) Cause {
	c.Actor = Actor{Kind: kind}
	return c
}

// EventData has an event's data beyond its type; which fields are set depends on the type. Its JSON form is stored
// for ever. It carries no personal data and no secret.
type EventData struct {
	PaymentID    *id.Payment        `json:"paymentId,omitempty"`
	RefundID     *id.Refund         `json:"refundId,omitempty"`
	DisputeID    *id.Dispute        `json:"disputeId,omitempty"`
	Amount       *money.Amount      `json:"amount,omitempty"`
	DeclineCode  *string            `json:"declineCode,omitempty"`
	Attention    *payment.Attention `json:"attention,omitempty"`
	CancelReason *CancelReason      `json:"cancelReason,omitempty"`
	Reason       *string            `json:"reason,omitempty"`
}

// Event is one version of an order: event n+1 turns version n into version n+1. It is immutable.
type Event struct {
	ID        id.Event
	Type      EventType
	Version   int
	Actor     Actor
	RequestID string
	At        time.Time
	Data      EventData
	// Order is the order as of this version, without attempts.
	Order *Order
}

// OrderID of the event's order.
func (e *Event) OrderID() id.Order { return e.Order.ID }

// record makes the next version: the change must be complete before, since the event keeps a copy of the state.
func (o *Order) record(c Cause, kind EventType, data EventData) {
	o.recordAsOf(c, kind, data, payment.Versions(o.Payments))
}

// recordAsOf is record with the payments as they are in the version. The event keeps them.
func (o *Order) recordAsOf(c Cause, kind EventType, data EventData, payments []payment.Payment) {
	o.Version++
	o.balance(payments)
	// Replicas know the database's clock to within the time that an answer takes. A version is never older than the one before.
	if c.Now.After(o.UpdatedAt) {
		o.UpdatedAt = c.Now
	}
	var last id.Event
	if n := len(o.events); n > 0 {
		last = o.events[n-1].ID
	}
	state := o.State
	state.Payments = payments
	o.events = append(o.events, Event{
		ID:        id.After(last, o.UpdatedAt),
		Type:      kind,
		Version:   o.Version,
		Actor:     c.Actor,
		RequestID: c.RequestID,
		At:        o.UpdatedAt,
		Data:      data,
		Order:     &Order{Head: o.Head, State: state},
	})
}

// Events returns what was recorded since the order was loaded, in order.
func (o *Order) Events() []Event { return o.events }
