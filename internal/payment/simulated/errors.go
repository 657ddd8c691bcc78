package simulated

import (
	"fmt"

	"github.com/orderwire/orderwire/internal/payment"
)

// Codes of refused payments (payment.Result.Code).
const (
	// CodeCardDeclined: the token says so.
	CodeCardDeclined = "card_declined"
	// CodeActionRefused: the customer refused the action.
	CodeActionRefused = "action_refused"
	// CodeActionExpired: the customer did not act in time.
	CodeActionExpired = "action_expired"
	// CodeActionRequired: a capture before the customer acted.
	CodeActionRequired = "action_required"
	// CodeVoided: the payment was voided before.
	CodeVoided = "voided"
	// CodeProcessing: the bank has not decided, so the charge cannot be captured.
	CodeProcessing = "processing"
	// CodeDebitFailed: the bank has refused after days.
	CodeDebitFailed = "debit_failed"
	// CodeRanOut: the time of a hold was up.
	CodeRanOut = "ran_out"
	// CodeRefundReturned: the customer's bank did not take a refund.
	CodeRefundReturned = "refund_returned"
)

// Codes of rejected requests (RejectedError.Code).
const (
	// CodeRequestInvalid: a field is missing or malformed.
	CodeRequestInvalid = "request_invalid"
	// CodeTokenUnknown: the token of the means of payment is none of Tokens.
	CodeTokenUnknown = "token_unknown"
	// CodeAmountNotSupported: the amount is below or above what the provider takes.
	CodeAmountNotSupported = "amount_not_supported"
	// CodeKeyReused: the idempotency key was used for another request.
	CodeKeyReused = "key_reused"
	// CodeChargeNotFound: the payment has no such charge.
	CodeChargeNotFound = "charge_not_found"
	// CodeAmountMismatch: amount or currency is not the charge's.
	CodeAmountMismatch = "amount_mismatch"
	// CodeNotCaptured: a refund of a charge that took no money.
	CodeNotCaptured = "not_captured"
	// CodeRefundExceedsCaptured: a refund above what was captured and not yet refunded.
	CodeRefundExceedsCaptured = "refund_exceeds_captured"
	// CodeChargeDisputed: a refund while a dispute holds the money.
	CodeChargeDisputed = "charge_disputed"
	// CodeNotPossible: what somebody wants to do outside does not fit the state of the charge.
	CodeNotPossible = "not_possible"
	// CodePlaceGone: the charge after which a list should continue does not exist.
	CodePlaceGone = "place_gone"
)

// Codes of calls whose outcome the caller cannot know (UnavailableError.Code).
const (
	// CodeTimeout: no answer in time.
	CodeTimeout = "timeout"
	// CodeServerError: the provider broke.
	CodeServerError = "server_error"
)

// rejections are the messages of the rejections that the ledger stores by code alone.
var rejections = map[string]string{
	CodeKeyReused:             "the idempotency key was used for another request",
	CodeChargeNotFound:        "the payment has no such charge",
	CodeAmountMismatch:        "amount or currency is not the charge's",
	CodeNotCaptured:           "the charge took no money that could be refunded",
	CodeRefundExceedsCaptured: "the refund is above what was captured and not yet refunded",
	CodeChargeDisputed:        "the charge is disputed, so it cannot be refunded now",
	CodeNotPossible:           "the charge is not in a state for this, or has no refund or dispute of that kind",
	CodePlaceGone:             "the charge after which the list should continue does not exist",
}

// RejectedError is a request that the provider refuses as such: it moved no money and never will under its key.
// errors.As finds a *payment.DefiniteError in it.
type RejectedError struct {
	// Code is for programs: one of the codes above.
	Code string
	// Message is safe to show to staff.
	Message string
}

func (e *RejectedError) Error() string { return e.Message }

// Unwrap makes it a *payment.DefiniteError.
func (e *RejectedError) Unwrap() error {
	return &payment.DefiniteError{Message: e.Message, Why: reasons[e.Code]}
}

// reasons are the rejections after which a caller has to look the charge up.
var reasons = map[string]payment.RefusalReason{
	CodeRefundExceedsCaptured: payment.AlreadyRefunded,
	CodeChargeDisputed:        payment.InDispute,
}

// rejection is the error for a code that has a fixed message.
func rejection(code string) *RejectedError {
	message, ok := rejections[code]
	if !ok {
		message = code
	}
	return &RejectedError{Code: code, Message: "simulated provider: " + message}
}

// invalid is the error for a request that is wrong in itself.
func invalid(code, format string, args ...any) *RejectedError {
	return &RejectedError{Code: code, Message: "simulated provider: " + fmt.Sprintf(format, args...)}
}

// UnavailableError is a call that got no answer worth the name: whether money moved is unknown. It is never a
// *payment.DefiniteError.
type UnavailableError struct {
	// Code is CodeTimeout or CodeServerError.
	Code string
	// cause is for logs.
	cause error
}

func (e *UnavailableError) Error() string {
	message := "simulated provider: outcome unknown: " + e.Code
	if e.cause != nil {
		message += ": " + e.cause.Error()
	}
	return message
}

// Unwrap gives the cause, if there is one.
func (e *UnavailableError) Unwrap() error { return e.cause }

// Timeout reports whether the call timed out, as net.Error does.
func (e *UnavailableError) Timeout() bool { return e.Code == CodeTimeout }
