package payment

import (
	"slices"

	"github.com/orderwire/orderwire/internal/fsm"
)

// Status of a payment, as in the GraphQL enum PaymentStatus.
type Status string

// The states of a payment. DECLINED, VOIDED and EXPIRED are final; CONFIRMED is final too, refunds are balances.
const (
	Initializing   Status = "INITIALIZING"
	Processing     Status = "PROCESSING"
	RequiresAction Status = "REQUIRES_ACTION"
	Authorized     Status = "AUTHORIZED"
	Confirmed      Status = "CONFIRMED"
	Declined       Status = "DECLINED"
	Voided         Status = "VOIDED"
	Expired        Status = "EXPIRED"
)

// Statuses lists every status in the order of a payment's life.
func Statuses() []Status {
	return []Status{Initializing, Processing, RequiresAction, Authorized, Confirmed, Declined, Voided, Expired}
}

// Valid reports whether the status is one of the above.
func (s Status) Valid() bool {
	_, known := Machine[s]
	return known
}

// Action is something that may happen to a payment: an input of its state machine.
type Action string

// The actions of a payment.
const (
	// Begin hands the payment to the provider.
	Begin Action = "begin"
	// RequireAction: the provider wants the customer to act first.
	RequireAction Action = "require action"
	// Continue: the customer acted, the provider continues.
	Continue Action = "continue"
	// Authorize: the money is authorized and waits for its capture by staff.
	Authorize Action = "authorize"
	// Capture: the provider took the money.
	Capture Action = "capture"
	// Decline: the provider refused for good.
	Decline Action = "decline"
	// Void: the money is released before capture.
	Void Action = "void"
	// Expire: released because nobody acted or captured in time.
	Expire Action = "expire"
)

// Actions lists every action.
func Actions() []Action {
	return []Action{Begin, RequireAction, Continue, Authorize, Capture, Decline, Void, Expire}
}

// Machine is the payment's state machine. What is absent is refused, so a late event never regresses a final status.
var Machine = fsm.Table[Status, Action]{
	Initializing: {
		Begin:  Processing,
		Void:   Voided,
		Expire: Expired,
	},
	Processing: {
		Begin:         Processing,
		Continue:      Processing,
		RequireAction: RequiresAction,
		Authorize:     Authorized,
		Capture:       Confirmed,
		Decline:       Declined,
		Void:          Voided,
		Expire:        Expired,
	},
	RequiresAction: {
		RequireAction: RequiresAction,
		Continue:      Processing,
		Void:          Voided,
		Expire:        Expired,
	},
	Authorized: {
		Authorize: Authorized,
		Capture:   Confirmed,
		Void:      Voided,
		Expire:    Expired,
	},
	Confirmed: {Capture: Confirmed},
	Declined:  {Decline: Declined},
	Voided:    {Void: Voided},
	Expired:   {Expire: Expired},
}

// Active reports whether a payment in this status may still take money: at most one such payment per order.
func (s Status) Active() bool { return !Machine.Final(s) }

// RefundStatus of a refund, as in the GraphQL enum RefundStatus.
type RefundStatus string

// The states of a refund.
const (
	RefundPending   RefundStatus = "PENDING"
	RefundSucceeded RefundStatus = "SUCCEEDED"
	RefundFailed    RefundStatus = "FAILED"
)

// RefundStatuses lists every status in the order of a refund's life.
func RefundStatuses() []RefundStatus {
	return []RefundStatus{RefundPending, RefundSucceeded, RefundFailed}
}

// Valid reports whether the status is one of the above.
func (s RefundStatus) Valid() bool {
	_, known := RefundMachine[s]
	return known
}

// RefundAction is something that may happen to a refund: an input of its state machine.
type RefundAction string

// The actions of a refund.
const (
	Succeed RefundAction = "succeed"
	Fail    RefundAction = "fail"
)

// RefundActions lists every action.
func RefundActions() []RefundAction { return []RefundAction{Succeed, Fail} }

// RefundMachine is the refund's state machine. A failed refund gives its amount back and is never revived: money is
// refunded again by a new refund. A refund can fail days after it succeeded, when the customer's bank sends the money back.
var RefundMachine = fsm.Table[RefundStatus, RefundAction]{
	RefundPending:   {Succeed: RefundSucceeded, Fail: RefundFailed},
	RefundSucceeded: {Succeed: RefundSucceeded, Fail: RefundFailed},
	RefundFailed:    {Fail: RefundFailed},
}

// DisputeStatus of a dispute, as in the GraphQL enum DisputeStatus.
type DisputeStatus string

// The states of a dispute.
const (
	// DisputeWarning: the bank asks, or warns of fraud. No money has moved.
	DisputeWarning DisputeStatus = "WARNING"
	// DisputeNeedsResponse: the provider has withdrawn the money and waits for evidence.
	DisputeNeedsResponse DisputeStatus = "NEEDS_RESPONSE"
	// DisputeUnderReview: the bank decides. The money is withdrawn.
	DisputeUnderReview DisputeStatus = "UNDER_REVIEW"
	// DisputeWon: it ended and the money is ours, also when only a warning ended.
	DisputeWon DisputeStatus = "WON"
	// DisputeLost: the money went back to the customer.
	DisputeLost DisputeStatus = "LOST"
)

// DisputeStatuses lists every status, those that end a dispute last.
func DisputeStatuses() []DisputeStatus {
	return []DisputeStatus{DisputeWarning, DisputeNeedsResponse, DisputeUnderReview, DisputeWon, DisputeLost}
}

// Valid reports whether the status is one of the above.
func (s DisputeStatus) Valid() bool { return slices.Contains(DisputeStatuses(), s) }
