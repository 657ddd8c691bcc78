package payment

import (
	"time"

	"github.com/orderwire/orderwire/internal/id"
)

// Operation at the provider, as in the GraphQL enum PaymentOperation.
type Operation string

// The operations.
const (
	OperationAuthorize Operation = "AUTHORIZE"
	OperationCapture   Operation = "CAPTURE"
	OperationVoid      Operation = "VOID"
	OperationRefund    Operation = "REFUND"
)

// Valid reports whether the operation is one of the above.
func (o Operation) Valid() bool {
	switch o {
	case OperationAuthorize, OperationCapture, OperationVoid, OperationRefund:
		return true
	default:
		return false
	}
}

// AttemptOutcome as in the GraphQL enum AttemptOutcome.
type AttemptOutcome string

// The outcomes of an attempt.
const (
	AttemptSuccess AttemptOutcome = "SUCCESS"
	AttemptFail    AttemptOutcome = "FAIL"
	// AttemptUnknown is not final: the attempt stays open until the provider tells.
	AttemptUnknown AttemptOutcome = "UNKNOWN"
)

// Valid reports whether the outcome is one of the above.
func (o AttemptOutcome) Valid() bool {
	switch o {
	case AttemptSuccess, AttemptFail, AttemptUnknown:
		return true
	default:
		return false
	}
}

// Attempt is one intended operation at the provider. It is committed before the first call is made, its id is the
// provider's idempotency key, and each call made for it is counted before it is made. So whatever is killed, the same
// key is used again and the provider does the operation once.
type Attempt struct {
	ID        id.Attempt
	OrderID   id.Order
	PaymentID id.Payment
	// RefundID is set when Operation is OperationRefund.
	RefundID  *id.Refund
	Operation Operation
	// Minor is the amount of a capture, in minor units; 0 captures the whole authorization.
	Minor int64
	// KeepsRest: what a capture leaves of the authorization stays held.
	KeepsRest bool
	// Outcome is nil before the first answer.
	Outcome *AttemptOutcome
	// Calls of the operation, those without an answer included; look-ups alone are not counted.
	Calls int
	// LookUpOnly: the operation is not called again by itself, only looked up, because its key may have ended.
	LookUpOnly bool
	// Accepted: the provider decides later, so the operation is not called again, only looked up.
	Accepted bool
	// FreshKeys counts how often the attempt has needed another idempotency key; see SpentKeyError.
	FreshKeys int
	// Prepared: the charge exists and the next call confirms it, with no look-up between. Not stored: after a crash, the next
	// worker looks it up, gets the same answer and continues.
	Prepared bool
	// Message is the provider's last word, safe for staff.
	Message   string
	StartedAt time.Time
	// FinishedAt is set once the outcome is SUCCESS or FAIL.
	FinishedAt *time.Time
	// NextCallAt is the time of the pipeline's next call; nil once finished.
	NextCallAt *time.Time
}

// Open reports whether the attempt still needs a call.
func (a *Attempt) Open() bool { return a.FinishedAt == nil }

// Called reports whether the provider may know of the attempt.
func (a *Attempt) Called() bool { return a.Calls > 0 }

// Finish closes the attempt with a final outcome.
func (a *Attempt) Finish(outcome AttemptOutcome, message string, now time.Time) {
	a.Outcome = &outcome
	a.Message = message
	a.FinishedAt = &now
	a.NextCallAt = nil
	a.LookUpOnly, a.Accepted, a.Prepared = false, false, false
}

// hasten makes the attempt due now.
func (a *Attempt) hasten(now time.Time) {
	if a.NextCallAt == nil || a.NextCallAt.After(now) {
		a.NextCallAt = &now
	}
}

// Postpone keeps the attempt open with an unknown outcome and calls again at the given time.
func (a *Attempt) Postpone(message string, next time.Time) {
	outcome := AttemptUnknown
	a.Outcome = &outcome
	a.Message = message
	a.NextCallAt = &next
}

// attemptByID returns the attempt with the id, or nil.
func (p *Payment) attemptByID(attemptID id.Attempt) *Attempt {
	for i := range p.Attempts {
		if p.Attempts[i].ID == attemptID {
			return &p.Attempts[i]
		}
	}
	return nil
}

// openAttemptOf is the unfinished attempt of a refund, or nil.
func (p *Payment) openAttemptOf(refundID id.Refund) *Attempt {
	for i := range p.Attempts {
		if a := &p.Attempts[i]; a.RefundID != nil && *a.RefundID == refundID && a.Open() {
			return a
		}
	}
	return nil
}

// refusals counts the attempts of a refund that have failed.
func (p *Payment) refusals(refundID id.Refund) int {
	n := 0
	for i := range p.Attempts {
		if a := &p.Attempts[i]; a.RefundID != nil && *a.RefundID == refundID && !a.Open() {
			n++
		}
	}
	return n
}

// openAttempt is the unfinished attempt that is not a refund, or nil.
func (p *Payment) openAttempt() *Attempt {
	for i := range p.Attempts {
		if a := &p.Attempts[i]; a.RefundID == nil && a.Open() {
			return a
		}
	}
	return nil
}

// chargeAttempt is the attempt that the payment's charge was made with, or nil as long as the provider knows of none. One that has ended
// without a counted call is looked up, too: its calls cannot have moved money, but they may have made a charge.
func (p *Payment) chargeAttempt() *Attempt {
	for i := range p.Attempts {
		if a := &p.Attempts[i]; a.Operation == OperationAuthorize && (a.Called() || !a.Open()) {
			return a
		}
	}
	return nil
}

// callNow makes an open attempt due at once.
func (c *change) callNow(a *Attempt) {
	a.NextCallAt = at(c.Now)
	if a.RefundID == nil && c.Status.Active() {
		c.NextStepAt = at(c.Now)
	}
}

// addAttempt adds an attempt, to be called at its NextCallAt.
func (c *change) addAttempt(a Attempt) {
	last := c.LastAttempt
	if n := len(c.Attempts); n > 0 {
		last = later(last, c.Attempts[n-1].ID)
	}
	a.ID = id.After(last, c.Now)
	a.OrderID, a.PaymentID = c.OrderID, c.ID
	a.StartedAt = c.Now
	c.Attempts = append(c.Attempts, a)
}
