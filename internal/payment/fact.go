package payment

import (
	"slices"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/money"
)

// FactKind names what has become of a payment or of one of its refunds.
type FactKind string

// The kinds of fact. A change of a payment that has no fact is of concern to nobody but its pipeline.
const (
	// FactProcessing: the payment is handed to the provider, or is with the provider again after the customer has acted.
	FactProcessing FactKind = "PROCESSING"
	// FactActionRequired: the customer has to act.
	FactActionRequired FactKind = "ACTION_REQUIRED"
	// FactAuthorized: the provider holds the money.
	FactAuthorized FactKind = "AUTHORIZED"
	// FactCharged: the provider took the money, and it pays for something.
	FactCharged FactKind = "CHARGED"
	// FactDeclined: the provider refused for good.
	FactDeclined FactKind = "DECLINED"
	// FactVoided: released before capture because somebody wanted it.
	FactVoided FactKind = "VOIDED"
	// FactExpired: released before capture because time ran out.
	FactExpired FactKind = "EXPIRED"
	// FactNeedsAttention: a person has to look.
	FactNeedsAttention FactKind = "NEEDS_ATTENTION"
	// FactRefundRequested: an amount is set aside and will be refunded.
	FactRefundRequested FactKind = "REFUND_REQUESTED"
	// FactRefundSucceeded: the provider gave the money back.
	FactRefundSucceeded FactKind = "REFUND_SUCCEEDED"
	// FactRefundFailed: the provider refused to.
	FactRefundFailed FactKind = "REFUND_FAILED"
)

// FactKinds lists every kind.
func FactKinds() []FactKind {
	return []FactKind{
		FactProcessing, FactActionRequired, FactAuthorized, FactCharged, FactDeclined, FactVoided, FactExpired, FactNeedsAttention,
		FactRefundRequested, FactRefundSucceeded, FactRefundFailed,
	}
}

// Fact is something that happened to a payment, for whoever it pays for. A change returns its facts in the order they happened. What is
// absent is nil.
type Fact struct {
	Kind FactKind
	// Automatic: the payment's own rules led to it, and not directly whoever caused the change.
	Automatic bool
	// PaymentID is set for facts about the payment, RefundID for those about a refund.
	PaymentID, RefundID *uuid.UUID
	Amount              *money.Amount
	DeclineCode         *string
	Attention           *Attention
	// Reason says why a refund failed.
	Reason *string

	// asOf is the payment when the fact had happened. It is an array because Among hands it out as a slice.
	asOf *[1]Payment
}

// Payment returns the payment as of the fact, without attempts.
func (f *Fact) Payment() *Payment { return &f.asOf[0] }

// Among returns payments with the one at an index as of the fact, all without attempts. Nothing of it changes later.
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
		versions[i] = payments[i]
		versions[i].Attempts, versions[i].Refunds = nil, slices.Clone(payments[i].Refunds)
	}
	return versions
}

// record adds a fact. All that belongs to it must have changed before, since the fact keeps a copy of the payment.
func (c *change) record(f Fact) {
	c.Refunded = c.RefundsIn(RefundSucceeded)
	v := *c.Payment
	v.Attempts, v.Refunds = nil, slices.Clone(v.Refunds)
	f.asOf = &[1]Payment{v}
	c.facts = append(c.facts, f)
}

// happened records a fact about the payment that has nothing more to say.
func (c *change) happened(kind FactKind) { c.record(Fact{Kind: kind, PaymentID: &c.ID}) }
