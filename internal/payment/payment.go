// Package payment implements payments: one try to pay an order, with its attempts at the provider and its refunds.
//
// A Payment is part of its order's aggregate and is loaded, changed and saved with it. Its status changes by the table
// Machine. Its methods record attempts and times and never call the provider. The pipeline takes the Work that is due (DueAttempt,
// DueRecheck), makes that call through the provider's Gateway, and passes the answer to Settle.
//
// A change returns facts: charged, declined, refund failed and so on. Package order decides what they mean for the order; this
// package knows nothing of orders but their ids. Amounts are in minor units, and times are of the database's clock.
//
// A provider is one Provider value: its name, Gateway, webhook verification, limits and capabilities. A Registry has those that are
// configured. Packages simulated and stripe implement them.
package payment

import (
	"slices"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

// CaptureMethod says when authorized money is taken, as in the GraphQL enum CaptureMethod.
type CaptureMethod string

// The capture methods.
const (
	CaptureAutomatic CaptureMethod = "AUTOMATIC"
	CaptureManual    CaptureMethod = "MANUAL"
)

// Valid reports whether the method is one of the above.
func (m CaptureMethod) Valid() bool {
	switch m {
	case CaptureAutomatic, CaptureManual:
		return true
	default:
		return false
	}
}

// Payment is one try to pay an order. Its JSON form is part of each event's state.
type Payment struct {
	ID      id.Payment   `json:"id"`
	OrderID id.Order     `json:"orderId"`
	Status  Status       `json:"status"`
	Amount  money.Amount `json:"amount"`
	// Captured and Refunded are balances in minor units: 0 ≤ Refunded ≤ Captured. Captured is Amount, less if only a part was captured, or more
	// if the provider allows it. Refunded is the sum of the refunds that have SUCCEEDED, computed with each fact.
	Captured int64 `json:"captured"`
	Refunded int64 `json:"refunded"`
	// Provider is the Gateway's name, Reference its id of the charge ("" until known).
	Provider      string        `json:"provider"`
	Reference     string        `json:"reference,omitempty"`
	CaptureMethod CaptureMethod `json:"captureMethod"`
	// Method is the provider's token for the means of payment. It stays out of events.
	Method      string  `json:"-"`
	DeclineCode *string `json:"declineCode,omitempty"`
	// NextAction stays out of events.
	NextAction *NextAction `json:"-"`
	// NextStepAt is the time of the payment's next step in the pipeline; nil when it waits for somebody. While PROCESSING it is nil only if
	// the payment is Unreached.
	NextStepAt *time.Time `json:"nextStepAt,omitempty"`
	// Goal is the status to which the running capture or void leads: CONFIRMED, VOIDED or EXPIRED, or AUTHORIZED for a capture that keeps
	// the rest; "" when none is.
	Goal Status `json:"goal,omitempty"`
	// RecheckAt is the time at which the charge is looked up, in any state of our books; nil when nobody asked.
	RecheckAt *time.Time `json:"-"`
	// ActionAsked: it was REQUIRES_ACTION at some time.
	ActionAsked bool `json:"-"`
	// Delayed: PROCESSING at the bank, which takes minutes or days to decide.
	Delayed bool `json:"delayed,omitempty"`
	// Waits: INITIALIZING, and not begun before the charges of the order's earlier payments are voided. Only an order's last payment does.
	Waits     bool       `json:"waits,omitempty"`
	Attention *Attention `json:"attention,omitempty"`
	// Disputes, at most MaxDisputes, in the order they were seen.
	Disputes  []Dispute `json:"disputes,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	// Attempts and Refunds, each in the order they were made, which is that of their ids. Attempts are loaded only for changes.
	Attempts []Attempt `json:"-"`
	Refunds  []Refund  `json:"-"`
}

// New completes a payment whose order, amount, provider and method are given: it is INITIALIZING for a step's delay, or until LetBegin if
// it Waits.
func New(t Terms, p Payment) Payment {
	p.ID = id.After(t.LastPayment, t.Now)
	p.Status = Initializing
	if !p.Waits {
		p.NextStepAt = at(t.Now.Add(t.StepDelay))
	}
	p.CreatedAt, p.UpdatedAt = t.Now, t.Now
	return p
}

// Clone returns a copy that a change may work on.
func (p *Payment) Clone() Payment {
	c := *p
	c.Attempts, c.Refunds, c.Disputes = slices.Clone(p.Attempts), slices.Clone(p.Refunds), slices.Clone(p.Disputes)
	return c
}

// IsNode marks the payment as a GraphQL Node.
func (Payment) IsNode() {}

// apply makes the transition the Machine has for the action. It is the only place where a payment's status changes. It
// reports whether the status changed; a same-state transition is a successful no-op.
// The error is a *fsm.NotAllowedError.
func (p *Payment) apply(action Action, now time.Time) (changed bool, err error) {
	next, err := Machine.Next(p.Status, action)
	if err != nil || next == p.Status {
		return false, err
	}
	p.Status = next
	p.UpdatedAt = now
	p.NextStepAt = nil
	p.NextAction = nil
	p.Delayed = false
	p.Waits = false
	p.Goal = ""
	return true, nil
}
