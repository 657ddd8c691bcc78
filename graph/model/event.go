// Package model has the shapes that exist in GraphQL only: payloads, pages, inputs and error enums, which gqlgen
// generates from the schema (generated.go), and the views of events. All else is bound to the domain's own types.
package model

import (
	"time"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// OrderEvent is the GraphQL interface OrderEvent: what all types of event have.
type OrderEvent interface {
	IsOrderEvent()
}

// Event is the view of an order.Event that all its GraphQL types share. Which of the optional values are set depends on
// the type; a value the event does not carry is the zero value.
type Event struct{ e *order.Event }

// IsOrderEvent marks the view as an OrderEvent.
func (Event) IsOrderEvent() {}

// ID is the event's TypeID, event_….
func (v Event) ID() string { return v.e.ID.TypeID() }

// Type is the kind of event.
func (v Event) Type() order.EventType { return v.e.Type }

// OrderID is the TypeID of the event's order.
func (v Event) OrderID() string { return v.e.OrderID().TypeID() }

// Version is the order's version that the event made.
func (v Event) Version() int { return v.e.Version }

// OccurredAt is the time at which it was recorded, in UTC.
func (v Event) OccurredAt() time.Time { return v.e.At }

// Actor is the person or program that caused it.
func (v Event) Actor() *order.Actor { return &v.e.Actor }

// PaymentID is the TypeID of the payment it is about.
func (v Event) PaymentID() string {
	if v.e.Data.PaymentID == nil {
		return ""
	}
	return v.e.Data.PaymentID.TypeID()
}

// DisputeID is the TypeID of the dispute it is about.
func (v Event) DisputeID() string {
	if v.e.Data.DisputeID == nil {
		return ""
	}
	return v.e.Data.DisputeID.TypeID()
}

// RefundID is the TypeID of the refund it is about.
func (v Event) RefundID() string {
	if v.e.Data.RefundID == nil {
		return ""
	}
	return v.e.Data.RefundID.TypeID()
}

// Amount is the amount of the refund, capture or other movement.
func (v Event) Amount() *money.Amount { return v.e.Data.Amount }

// DeclineCode is the provider's reason for a decline.
func (v Event) DeclineCode() *string { return v.e.Data.DeclineCode }

// Attention is the reason why the payment needs staff.
func (v Event) Attention() *payment.Attention { return v.e.Data.Attention }

// CancelReason is the reason of the cancellation.
func (v Event) CancelReason() *order.CancelReason { return v.e.Data.CancelReason }

// Reason is the reason for which a refund failed.
func (v Event) Reason() *string { return v.e.Data.Reason }
