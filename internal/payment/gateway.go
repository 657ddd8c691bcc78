package payment

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

// Gateway is a payment provider as the pipeline sees it. An implementation makes exactly one provider operation per
// call and is safe for concurrent use.
//
// Every call that moves money carries the attempt's id as the provider's idempotency key, and is therefore safe to
// repeat with the same Call. The answer is one of these:
//   - a Result: the provider decided (a decline is a Result, not an error);
//   - an error for which Definite reports true: the provider refused the request and moved nothing;
//   - a *NotSentError: the call never left, so the provider cannot know of it; or an *UnmovedError: whether or not it was made, it moves
//     nothing. The caller repeats the same Call, or gives it up;
//   - any other error (timeout, dropped connection, 5xx, or a *BusyError, which asks for a pause): the outcome is unknown. The caller looks it up or repeats the
//     same Call; it never makes a new attempt.
type Gateway interface {
	// Authorize takes (automatic capture) or holds (manual capture) the amount.
	// Results: Captured, Held, ActionRequired, Pending or Refused; or Prepared by a provider that makes the charge first and
	// confirms it by another Authorize with the same Call and the Reference of the answer.
	Authorize(ctx context.Context, call Call) (Result, error)
	// Capture takes call.Amount of what is held, and releases the rest if call.Final. Results: Captured; Refused; Released when
	// nothing is held any more.
	Capture(ctx context.Context, call Call) (Result, error)
	// Void releases the charge before capture, or what is still held of it. Results: Released; Captured when it was captured already, which a
	// void cannot undo; Refused; Pending while the customer's bank decides and nothing can be released: the look-up is NotFound once it can be
	// released, by a new attempt. Released is for good, also of a charge that the provider has never seen: an authorization that
	// arrives later takes no money.
	Void(ctx context.Context, call Call) (Result, error)
	// Refund gives call.Amount back. Results: Refunded, Pending, or Refused.
	Refund(ctx context.Context, call Call) (Result, error)
	// LookUp returns the state of an operation whose outcome is unknown, by its key (or the provider's reference).
	// Result NotFound means that the provider never saw it and so moved nothing: repeat it with the same key. Prepared
	// says the same of an authorization whose charge exists. The look-up of an authorization tells the charge's state
	// now, with the Charge itself, whatever the attempt's outcome.
	LookUp(ctx context.Context, call Call) (Result, error)
}

// Call is one operation to make at the provider.
type Call struct {
	// Key is the attempt's id: the provider's idempotency key.
	Key id.Attempt
	// FreshKeys counts the SpentKeyErrors of the attempt. Each number stands for another idempotency key of the same attempt.
	FreshKeys int
	Operation Operation
	OrderID   id.Order
	PaymentID id.Payment
	// OrderNumber is for people to recognise the order by, where the provider shows it; "" leaves it out.
	OrderNumber string
	// RefundID is set for refunds.
	RefundID id.Refund
	// Amount of the operation: the payment's for authorize and void, what to capture for capture, the refund's for refund.
	Amount money.Amount
	// Final releases what a capture leaves of the held amount.
	Final bool
	// Capture is the payment's capture method.
	Capture CaptureMethod
	// Method is the provider's token for the means of payment; never a card number.
	Method string
	// Reference is the provider's id of the charge, empty as long as we do not know it.
	Reference string
	// Installation marks the charge that an authorization makes as this database's: others may take payments with the same
	// account. A call without it makes a charge without an installation's id. It is no part of the request that the key stands for.
	Installation uuid.UUID
}

// Outcome is a provider's decision.
type Outcome string

// The outcomes of provider operations.
const (
	// Captured: the money was taken.
	Captured Outcome = "CAPTURED"
	// Held: the money is authorized and waits for capture.
	Held Outcome = "HELD"
	// Prepared: the charge exists under Reference, moves no money yet, and has to be confirmed.
	Prepared Outcome = "PREPARED"
	// ActionRequired: the customer has to act before the provider decides.
	ActionRequired Outcome = "ACTION_REQUIRED"
	// Refused: declined (authorize) or definitely not done (the others). Nothing moved.
	Refused Outcome = "REFUSED"
	// Released: voided before capture.
	Released Outcome = "RELEASED"
	// Refunded: the money was given back.
	Refunded Outcome = "REFUNDED"
	// Pending: the provider has accepted the operation and decides later, in minutes or in days (a bank debit, a refund that its bank
	// has to accept). It must not be called again; look-ups and webhooks tell the decision. Of an authorization, a refund, or a void that has
	// to wait for the decision about the authorization.
	Pending Outcome = "PENDING"
	// NotFound: the provider knows nothing of the operation. Only from LookUp.
	NotFound Outcome = "NOT_FOUND"
)

// Result is a provider's decision.
type Result struct {
	Outcome Outcome
	// Reference is the provider's id of the charge, when the answer names one.
	Reference string
	// Code says why it was refused, in the provider's words made safe ("card_declined", "insufficient_funds").
	Code string
	// Why says so to our rules; "" when no rule depends on it.
	Why RefusalReason
	// Payable: the refused charge can still be paid at the provider, with another means of payment, until it is voided. Set with Refused.
	Payable bool
	// Action is the customer's next action; set with ActionRequired.
	Action *NextAction
	// RanOut: the provider has released a hold because its time was up. Set with Released.
	RanOut bool
	// Captured is the amount that the charge has captured in all, in minor units; nil if that follows from the call: a void has found nothing captured,
	// and any other call has captured its amount.
	Captured *int64
	// Charge is the charge in the provider's books now; set by the look-up of an authorization that has one.
	Charge *SeenCharge
	// Unasked: the gateway knew the answer without asking the provider, which may be out of reach.
	Unasked bool
}

// Totals are the provider's amounts of one charge, in minor units of the payment's currency.
type Totals struct {
	Captured int64
	// Refunded is the sum of the refunds that have succeeded.
	Refunded int64
}

// SeenCharge is one charge in the provider's books, with all that was done to it, by us or by others.
type SeenCharge struct {
	Totals
	// Capturable is held and can still be captured, in minor units.
	Capturable int64
	// Refunds and Disputes of the charge, oldest first, at most MaxSeen each.
	Refunds  []SeenRefund
	Disputes []SeenDispute
	// More: the provider has more of them than MaxSeen.
	More bool
}

// MaxSeen bounds the refunds, and the disputes, of one charge that are read from a provider.
const MaxSeen = 100

// SeenRefund is a refund in the provider's books.
type SeenRefund struct {
	// Reference is the provider's id of the refund.
	Reference string
	// RefundID is ours, as the provider was told it; Nil for a refund that was made outside, such as in the provider's dashboard.
	RefundID id.Refund
	Minor    int64
	Status   RefundStatus
	// Code says why it failed, in the provider's words made safe.
	Code      string
	CreatedAt time.Time
}

// SeenDispute is a dispute in the provider's books.
type SeenDispute struct {
	// Reference is the provider's id of the dispute.
	Reference string
	Minor     int64
	Status    DisputeStatus
	// Reason is the provider's word for why the customer or the bank disputes the charge.
	Reason string
	// RespondBy is the time by which the provider must have the evidence; nil when none is asked for.
	RespondBy *time.Time
	CreatedAt time.Time
}

// NextActionType is the kind of the customer's action, as in the GraphQL enum PaymentNextActionType.
type NextActionType string

// The types of action.
const (
	ActionRedirect     NextActionType = "REDIRECT"
	ActionClientSecret NextActionType = "CLIENT_SECRET"
	ActionSimulated    NextActionType = "SIMULATED"
)

// NextAction is the action that the customer must take while a payment is REQUIRES_ACTION. It is shown to the owner only and never
// enters an event, a webhook or a log.
type NextAction struct {
	Type         NextActionType `json:"type"`
	URL          string         `json:"url,omitempty"`
	ClientSecret string         `json:"clientSecret,omitempty"`
	ExpiresAt    *time.Time     `json:"expiresAt,omitempty"`
}

// DefiniteError is a refusal by the provider or its client that moved no money: the attempt failed and may be followed
// by a new one.
type DefiniteError struct {
	// Message is safe to show to staff.
	Message string
	// Why is "" when no rule depends on it.
	Why RefusalReason
	// Unasked: the gateway refused by itself; see Result.Unasked.
	Unasked bool
}

// RefusalReason is a provider's reason for refusing an operation, where our rules depend on it.
type RefusalReason string

// The reasons. After each of them the charge has to be looked up, because it is not as our books say.
const (
	// AlreadyRefunded: the charge has less left to refund than the operation asks for.
	AlreadyRefunded RefusalReason = "already_refunded"
	// InDispute: a refund is not possible while the charge is disputed.
	InDispute RefusalReason = "disputed"
)

// SpentKeyError says that the provider keeps the outcome of an earlier failure under the call's idempotency key, and would repeat
// it for every call with that key. The attempt counts it in FreshKeys. Its next call comes after a look-up that shows that nothing moved,
// and so with another key.
type SpentKeyError struct {
	// Message is safe to show to staff.
	Message string
}

func (e *SpentKeyError) Error() string { return e.Message }

func (e *DefiniteError) Error() string { return e.Message }

// NotSentError says that a call was not sent: no byte of it has reached the provider. It is not counted, and no answer to it can arrive
// late.
type NotSentError struct {
	// Message is safe to show to staff.
	Message string
	// Cause is for errors.Is; nil for none.
	Cause error
}

func (e *NotSentError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *NotSentError) Unwrap() error { return e.Cause }

// UnmovedError says that a call had no answer and that it moves no money even if the provider has it, now or later: what it makes is of no
// use before a further call, which needs a Reference. So neither this call nor an earlier one with the same Call is counted.
type UnmovedError struct {
	// Message is safe to show to staff.
	Message string
	// Cause is for errors.Is; nil for none.
	Cause error
}

func (e *UnmovedError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *UnmovedError) Unwrap() error { return e.Cause }
