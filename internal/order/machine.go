package order

//go:generate go run ./statesdoc ../../docs/states.md

import "github.com/orderwire/orderwire/internal/fsm"

// Status of an order, as in the GraphQL enum OrderStatus.
type Status string

// The states of an order.
const (
	// Created: placed, not paid yet.
	Created Status = "CREATED"
	// Confirmed: paid, waiting for delivery.
	Confirmed Status = "CONFIRMED"
	// Delivered is final; refunds are still possible.
	Delivered Status = "DELIVERED"
	// Cancelling: the cancel is accepted, money is being voided or refunded at the provider.
	Cancelling Status = "CANCELLING"
	// Cancelled is final: nothing is captured that was not refunded.
	Cancelled Status = "CANCELLED"
)

// Statuses lists every status in the order of an order's life.
func Statuses() []Status { return []Status{Created, Confirmed, Delivered, Cancelling, Cancelled} }

// Valid reports whether the status is one of the above.
func (s Status) Valid() bool {
	_, known := Machine[s]
	return known
}

// Action is something that may happen to an order: an input of its state machine.
type Action string

// The actions of an order.
const (
	// Pay: its payment is captured.
	Pay Action = "pay"
	// Deliver: handed over, by the timer or by staff.
	Deliver Action = "deliver"
	// Cancel: accepted; money goes back first.
	Cancel Action = "cancel"
	// FinishCancel: no money is left with us.
	FinishCancel Action = "finish cancel"
)

// Actions lists every action.
func Actions() []Action { return []Action{Pay, Deliver, Cancel, FinishCancel} }

// Machine is the order's state machine. Paying while CANCELLING is the late success of a payment whose outcome was
// not known when the cancel was accepted: the order stays CANCELLING and the money is refunded.
var Machine = fsm.Table[Status, Action]{
	Created: {
		Pay:    Confirmed,
		Cancel: Cancelling,
	},
	Confirmed: {
		Pay:     Confirmed,
		Deliver: Delivered,
		Cancel:  Cancelling,
	},
	Delivered: {Deliver: Delivered},
	Cancelling: {
		Pay:          Cancelling,
		Cancel:       Cancelling,
		FinishCancel: Cancelled,
	},
	Cancelled: {
		Cancel:       Cancelled,
		FinishCancel: Cancelled,
	},
}
