package payment

import (
	"slices"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

// FactKind names what has become of a payment or of one of its refunds.
type FactKind string

// The kinds of fact. A change without a fact concerns only the pipeline: an attempt, a timer.
const (
	// FactProcessing: the payment is handed to the provider, or is with the provider again after the customer has acted.
	FactProcessing FactKind = "PROCESSING"
	// FactActionRequired: the customer has to act.
	FactActionRequired FactKind = "ACTION_REQUIRED"
	// FactAuthorized: the money is authorized and waits for capture.
	FactAuthorized FactKind = "AUTHORIZED"
	// FactCharged: the money is captured. A capture that is found after the payment has ended is a FactRefundRequested.
	FactCharged FactKind = "CHARGED"
	// FactCaptured: a part is captured, and the rest is still authorized.
	FactCaptured FactKind = "CAPTURED"
	// FactDeclined: the provider refused for good.
	FactDeclined FactKind = "DECLINED"
	// FactVoided: released before capture because somebody wanted it.
	FactVoided FactKind = "VOIDED"
	// FactExpired: released before capture because time ran out.
	FactExpired FactKind = "EXPIRED"
	// FactNeedsAttention: staff need to look.
	FactNeedsAttention FactKind = "NEEDS_ATTENTION"
	// FactRefundRequested: a refund is PENDING.
	FactRefundRequested FactKind = "REFUND_REQUESTED"
	// FactRefundSucceeded: the provider made the refund.
	FactRefundSucceeded FactKind = "REFUND_SUCCEEDED"
	// FactRefundFailed: the provider refused it, or has taken a success back.
	FactRefundFailed FactKind = "REFUND_FAILED"
	// FactDisputeOpened: the customer or the bank disputes the charge.
	FactDisputeOpened FactKind = "DISPUTE_OPENED"
	// FactDisputeUpdated: the dispute has another amount, deadline or status and is not decided.
	FactDisputeUpdated FactKind = "DISPUTE_UPDATED"
	// FactDisputeWon and FactDisputeLost: it is decided.
	FactDisputeWon  FactKind = "DISPUTE_WON"
	FactDisputeLost FactKind = "DISPUTE_LOST"
)

// FactKinds lists every kind.
func FactKinds() []FactKind {
	return []FactKind{
		FactProcessing, FactActionRequired, FactAuthorized, FactCharged, FactCaptured, FactDeclined, FactVoided, FactExpired, FactNeedsAttention,
		FactRefundRequested, FactRefundSucceeded, FactRefundFailed,
		FactDisputeOpened, FactDisputeUpdated, FactDisputeWon, FactDisputeLost,
	}
}

// Fact is something that happened to a payment, for the order that it pays. A change returns its facts in the order they happened.
// What is absent is nil.
type Fact struct {
	Kind FactKind
	// Automatic: it follows from the payment's rules. Otherwise the cause of the change did it.
	Automatic bool
	// PaymentID is set for facts about the payment, RefundID for those about a refund, DisputeID for those about a dispute.
	PaymentID   *id.Payment
	RefundID    *id.Refund
	DisputeID   *id.Dispute
	Amount      *money.Amount
	DeclineCode *string
	Attention   *Attention
	// Reason says why a refund failed.
	Reason *string

	// asOf is the payment when the fact had happened. It is an array because Among hands it out as a slice.
	asOf *[1]Payment
}

// Payment returns the payment as of the fact, without attempts.
func (f *Fact) Payment() *Payment { return &f.asOf[0] }

// Among returns copies of payments for an event, the one at index as of the fact.
func (f *Fact) Among(payments []Payment, index int) []Payment {
	if len(payments) == 1 {
		return f.asOf[:]
	}
	versions := Versions(payments)
	versions[index] = f.asOf[0]
	return versions
}

// Versions returns copies of payments for an event: without attempts, which are no part of a version.
func Versions(payments []Payment) []Payment {
	versions := make([]Payment, len(payments))
	for i := range payments {
		versions[i] = payments[i].version()
	}
	return versions
}

func (p *Payment) version() Payment {
	v := *p
	v.Attempts, v.Refunds, v.Disputes = nil, slices.Clone(p.Refunds), slices.Clone(p.Disputes)
	return v
}

// record adds a fact with a copy of the payment, so everything that belongs to the fact must have changed before.
func (c *change) record(f Fact) {
	c.Refunded = c.RefundsIn(RefundSucceeded)
	f.asOf = &[1]Payment{c.version()}
	c.facts = append(c.facts, f)
}

// happened records a fact that has no data but its payment.
func (c *change) happened(kind FactKind) { c.record(Fact{Kind: kind, PaymentID: &c.ID}) }
