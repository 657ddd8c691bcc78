// Package model has the shapes that exist in GraphQL only: payloads, pages, inputs and error enums, which gqlgen
// generates from the schema (generated.go), and the views of events. All else is bound to the domain's own types.
package model

import (
	"time"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
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
func (v Event) ID() string { return id.Format(id.Event, v.e.ID) }

// Type says what happened.
func (v Event) Type() order.EventType { return v.e.Type }

// OrderID is the TypeID of the event's order.
func (v Event) OrderID() string { return id.Format(id.Order, v.e.OrderID()) }

// Version is the order's version that the event made.
func (v Event) Version() int { return v.e.Version }

// OccurredAt is when it was recorded, in UTC.
func (v Event) OccurredAt() time.Time { return v.e.At }

// Actor is who or what made it happen.
func (v Event) Actor() *order.Actor { return &v.e.Actor }

// PaymentID is the TypeID of the payment it is about.
func (v Event) PaymentID() string {
	if v.e.Data.PaymentID == nil {
		return ""
	}
	return id.Format(id.Payment, *v.e.Data.PaymentID)
}

// RefundID is the TypeID of the refund it is about.
func (v Event) RefundID() string {
	if v.e.Data.RefundID == nil {
		return ""
	}
	return id.Format(id.Refund, *v.e.Data.RefundID)
}

// Amount is how much money it is about.
func (v Event) Amount() *money.Amount { return v.e.Data.Amount }

// DeclineCode is the provider's reason for a decline.
func (v Event) DeclineCode() *string { return v.e.Data.DeclineCode }

// Attention says why the payment needs a person.
func (v Event) Attention() *payment.Attention { return v.e.Data.Attention }

// CancelReason says who or what cancelled the order.
func (v Event) CancelReason() *order.CancelReason { return v.e.Data.CancelReason }

// Reason is why a refund failed.
func (v Event) Reason() *string { return v.e.Data.Reason }

// The GraphQL types of event.
type (
	// OrderCancelled is the GraphQL type of the same name.
	OrderCancelled struct{ Event }
	// OrderCancelling is the GraphQL type of the same name.
	OrderCancelling struct{ Event }
	// OrderCreated is the GraphQL type of the same name.
	OrderCreated struct{ Event }
	// OrderDelivered is the GraphQL type of the same name.
	OrderDelivered struct{ Event }
	// PaymentActionRequired is the GraphQL type of the same name.
	PaymentActionRequired struct{ Event }
	// PaymentAuthorized is the GraphQL type of the same name.
	PaymentAuthorized struct{ Event }
	// PaymentConfirmed is the GraphQL type of the same name.
	PaymentConfirmed struct{ Event }
	// PaymentDeclined is the GraphQL type of the same name.
	PaymentDeclined struct{ Event }
	// PaymentExpired is the GraphQL type of the same name.
	PaymentExpired struct{ Event }
	// PaymentNeedsAttention is the GraphQL type of the same name.
	PaymentNeedsAttention struct{ Event }
	// PaymentProcessing is the GraphQL type of the same name.
	PaymentProcessing struct{ Event }
	// PaymentRetried is the GraphQL type of the same name.
	PaymentRetried struct{ Event }
	// PaymentVoided is the GraphQL type of the same name.
	PaymentVoided struct{ Event }
	// RefundCreated is the GraphQL type of the same name.
	RefundCreated struct{ Event }
	// RefundFailed is the GraphQL type of the same name.
	RefundFailed struct{ Event }
	// RefundSucceeded is the GraphQL type of the same name.
	RefundSucceeded struct{ Event }
)

// NewEvent returns the view of an event in the Go type that stands for its GraphQL type; fault.ErrNewer for a type that the schema lacks.
func NewEvent(e *order.Event) (OrderEvent, error) {
	v := Event{e}
	switch e.Type {
	case order.OrderCancelled:
		return OrderCancelled{v}, nil
	case order.OrderCancelling:
		return OrderCancelling{v}, nil
	case order.OrderCreated:
		return OrderCreated{v}, nil
	case order.OrderDelivered:
		return OrderDelivered{v}, nil
	case order.PaymentActionRequired:
		return PaymentActionRequired{v}, nil
	case order.PaymentAuthorized:
		return PaymentAuthorized{v}, nil
	case order.PaymentConfirmed:
		return PaymentConfirmed{v}, nil
	case order.PaymentDeclined:
		return PaymentDeclined{v}, nil
	case order.PaymentExpired:
		return PaymentExpired{v}, nil
	case order.PaymentNeedsAttention:
		return PaymentNeedsAttention{v}, nil
	case order.PaymentProcessing:
		return PaymentProcessing{v}, nil
	case order.PaymentRetried:
		return PaymentRetried{v}, nil
	case order.PaymentVoided:
		return PaymentVoided{v}, nil
	case order.RefundCreated:
		return RefundCreated{v}, nil
	case order.RefundFailed:
		return RefundFailed{v}, nil
	case order.RefundSucceeded:
		return RefundSucceeded{v}, nil
	default:
		return nil, fault.ErrNewer
	}
}
