package payment

import (
	"errors"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

// RefundOrigin says why a refund was made, as in the GraphQL enum RefundOrigin.
type RefundOrigin string

// The origins of refunds.
const (
	// RefundOfStaff: staff asked for it.
	RefundOfStaff RefundOrigin = "STAFF"
	// RefundOfCancel returns the money of a cancelled order.
	RefundOfCancel RefundOrigin = "CANCEL"
	// RefundOfLateSuccess returns money that was captured after the payment had ended.
	RefundOfLateSuccess RefundOrigin = "LATE_SUCCESS"
	// RefundOfProvider was made outside, such as in the provider's dashboard, and is booked here.
	RefundOfProvider RefundOrigin = "PROVIDER"
)

// Valid reports whether the origin is one of the above.
func (o RefundOrigin) Valid() bool {
	switch o {
	case RefundOfStaff, RefundOfCancel, RefundOfLateSuccess, RefundOfProvider:
		return true
	default:
		return false
	}
}

// MaxRefunds of one payment that are booked. The provider can have more, made outside: attention MISMATCH then says that the books differ.
const MaxRefunds = 50

// Refund returns money of a payment to the customer.
type Refund struct {
	ID        id.Refund    `json:"id"`
	OrderID   id.Order     `json:"orderId"`
	PaymentID id.Payment   `json:"paymentId"`
	Amount    money.Amount `json:"amount"`
	Status    RefundStatus `json:"status"`
	// Origin is "" for refunds that a version before 1.0 made.
	Origin RefundOrigin `json:"origin,omitempty"`
	// Reference is the provider's id of the refund, "" until it is known.
	Reference string `json:"-"`
	// Reason is the requester's text, or the reason of the failure.
	Reason *string `json:"reason,omitempty"`
	// Lines says what of the order is refunded, if the refund was requested by line. It never changes.
	Lines     []RefundLine `json:"lines,omitempty"`
	CreatedAt time.Time    `json:"createdAt"`
	UpdatedAt time.Time    `json:"updatedAt"`
}

// RefundLine is a quantity of one of the order's lines. It is part of the refund's row and of each event's state.
type RefundLine struct {
	// Position of the line in its order, from 1.
	Position int `json:"position"`
	Quantity int `json:"quantity"`
}

// IsNode marks the refund as a GraphQL Node.
func (Refund) IsNode() {}

// apply makes the transition the RefundMachine has for the action, like Payment.apply.
func (r *Refund) apply(action RefundAction, now time.Time) (changed bool, err error) {
	next, err := RefundMachine.Next(r.Status, action)
	if err != nil || next == r.Status {
		return false, err
	}
	r.Status = next
	r.UpdatedAt = now
	return true, nil
}

// RefundByID returns the refund with the id, or nil.
func (p *Payment) RefundByID(refundID id.Refund) *Refund {
	for i := range p.Refunds {
		if p.Refunds[i].ID == refundID {
			return &p.Refunds[i]
		}
	}
	return nil
}

// RefundsIn is the amount of the payment's refunds in a status, in minor units.
func (p *Payment) RefundsIn(status RefundStatus) (minor int64) {
	for i := range p.Refunds {
		if p.Refunds[i].Status == status {
			minor += p.Refunds[i].Amount.Minor
		}
	}
	return minor
}

// Refundable is captured less refunded, pending and withdrawn by disputes, in minor units. It is never negative.
func (p *Payment) Refundable() int64 {
	return max(0, p.Captured-p.RefundsIn(RefundSucceeded)-p.RefundsIn(RefundPending)-p.Disputed())
}

// RequestRefund makes a PENDING refund of an amount in minor units, and the attempt that carries it out. The amount is no longer
// Refundable at once, so no second refund can use it. An amount above Refundable is an error. lines are what the amount pays for; nil if
// the refund is not by line.
func (p *Payment) RequestRefund(t Terms, minor int64, reason *string, lines []RefundLine) ([]Fact, error) {
	c := change{Payment: p, Terms: t}
	err := c.requestRefund(refundRequest{minor: minor, due: t.Now, reason: reason, lines: lines, origin: RefundOfStaff})
	return c.facts, err
}

// refundRequest describes a new refund.
type refundRequest struct {
	minor int64
	// due is the time of the first call.
	due    time.Time
	reason *string
	lines  []RefundLine
	origin RefundOrigin
}

// automatic reports whether the refund follows from our rules; see Fact.
func (q refundRequest) automatic() bool { return q.origin != RefundOfStaff }

// requestRefund is RequestRefund within another change.
func (c *change) requestRefund(q refundRequest) error {
	if q.minor <= 0 || q.minor > c.Refundable() {
		return errors.New("refund exceeds what is refundable")
	}
	c.refundRequested(c.addRefund(q), q.automatic())
	return nil
}

// addRefund is requestRefund without its fact, for a refund that an earlier fact's version must have already.
func (c *change) addRefund(q refundRequest) Refund {
	r := c.newRefund(q)
	c.addAttempt(Attempt{RefundID: &r.ID, Operation: OperationRefund, NextCallAt: &q.due})
	return r
}

// newRefund adds a PENDING refund without an attempt.
func (c *change) newRefund(q refundRequest) Refund {
	last := c.LastRefund
	if n := len(c.Refunds); n > 0 {
		last = later(last, c.Refunds[n-1].ID)
	}
	r := Refund{
		ID:        id.After(last, c.Now),
		OrderID:   c.OrderID,
		PaymentID: c.ID,
		Amount:    money.Amount{Minor: q.minor, Currency: c.Amount.Currency},
		Status:    RefundPending,
		Origin:    q.origin,
		Reason:    q.reason,
		Lines:     q.lines,
		CreatedAt: c.Now,
		UpdatedAt: c.Now,
	}
	c.Refunds = append(c.Refunds, r)
	return r
}

func (c *change) refundRequested(r Refund, automatic bool) {
	c.record(Fact{Kind: FactRefundRequested, Automatic: automatic, RefundID: &r.ID, Amount: &r.Amount})
}

// settleRefund applies the answer to a refund.
func (c *change) settleRefund(a *Attempt, result Result) error {
	r := c.RefundByID(*a.RefundID)
	switch result.Outcome {
	case Refunded:
		a.Finish(AttemptSuccess, "", c.Now)
		return c.refundSucceeded(r)
	case Pending:
		c.accept(a)
		c.clearAttention(UnknownOutcome) // PROVIDER_DOWN ends when it has succeeded: a bank may send each back
		return nil
	case Refused:
		message := refusal(a, result)
		a.Finish(AttemptFail, message, c.Now)
		c.clearAttention(UnknownOutcome)
		return c.refundRefused(r, result.Why, message)
	case Captured, Held, Prepared, ActionRequired, Released, NotFound:
		fallthrough // no answer to a refund
	default:
		c.unexpected(a, result)
		return nil
	}
}

func (c *change) refundSucceeded(r *Refund) error {
	changed, err := r.apply(Succeed, c.Now)
	if err != nil || !changed {
		return err
	}
	c.UpdatedAt = c.Now
	c.clearAttention(UnknownOutcome, ProviderDown)
	if c.Unwound() {
		c.clearAttention(RefundReversed) // it was refunded again
	}
	c.record(Fact{Kind: FactRefundSucceeded, RefundID: &r.ID, Amount: &r.Amount})
	return nil
}

// refundFailed makes a refund FAILED, so that its amount is Refundable again.
func (c *change) refundFailed(r *Refund, reason string) error {
	changed, err := r.apply(Fail, c.Now)
	if err != nil || !changed {
		return err
	}
	c.UpdatedAt = c.Now
	r.Reference = ""
	c.record(Fact{Kind: FactRefundFailed, RefundID: &r.ID, Amount: &r.Amount, Reason: &reason})
	return nil
}

// refundRefused goes on after a definite refusal. A refund that staff have asked for fails, and they decide. Any other returns money that
// may not be kept: it stays PENDING and is tried again by another attempt, with growing pauses, until the provider makes it or the
// books show that it is not needed any more. When the refusal says that the charge is not as our books say, it is looked up first.
func (c *change) refundRefused(r *Refund, why RefusalReason, message string) error {
	r.Reference = "" // that of the try which was refused; the next one is another refund at the provider
	if why != "" {
		c.RecheckAt = at(c.Now)
	}
	if c.ofStaff(r) {
		return c.refundFailed(r, message)
	}
	if c.refusals(r.ID) >= maxRefusals {
		c.needsAttention(ProviderDown)
	}
	if why == "" {
		c.tryRefundAgain(r)
	}
	return nil
}

// ofStaff reports whether staff asked for the refund, also for one that was made before origins were kept.
func (c *change) ofStaff(r *Refund) bool {
	return r.Origin == RefundOfStaff || r.Origin == "" && c.Status == Confirmed && !c.Unwinding
}

// maxTries is the number of refusals after which a refund is no longer tried by itself: with the pauses this is about ten days.
const maxTries = 60

// tryRefundAgain adds the next attempt of a PENDING refund.
func (c *change) tryRefundAgain(r *Refund) {
	n := c.refusals(r.ID)
	if n >= maxTries {
		return
	}
	pause := time.Duration(0)
	if n > 0 {
		pause = refusedPause(n, r.ID)
	}
	c.addAttempt(Attempt{RefundID: &r.ID, Operation: OperationRefund, NextCallAt: at(c.Now.Add(pause))})
}

// goOnRefunding adds attempts to the refunds of ours that have none under way, unless a dispute holds the money.
func (c *change) goOnRefunding() {
	if c.DisputesIn(DisputeNeedsResponse)+c.DisputesIn(DisputeUnderReview) > 0 {
		return
	}
	for i := range c.Refunds {
		if r := &c.Refunds[i]; r.Status == RefundPending && r.Origin != RefundOfProvider && c.openAttemptOf(r.ID) == nil {
			c.tryRefundAgain(r)
		}
	}
}

// askedPause lies between staff's request and one more try of a refund, so that the look-up which they asked for, too, comes first.
const askedPause = 10 * time.Second

// tryRefundsOnceMore adds an attempt to the refunds of ours that were refused too often to be tried by themselves.
func (c *change) tryRefundsOnceMore() {
	for i := range c.Refunds {
		r := &c.Refunds[i]
		if r.Status == RefundPending && r.Origin != RefundOfProvider && c.openAttemptOf(r.ID) == nil && c.refusals(r.ID) >= maxTries {
			c.addAttempt(Attempt{RefundID: &r.ID, Operation: OperationRefund, NextCallAt: at(c.Now.Add(askedPause))})
		}
	}
}

// failedRefunds counts the refunds that failed: the pause before the next one grows with it.
func (p *Payment) failedRefunds() int {
	n := 0
	for i := range p.Refunds {
		if p.Refunds[i].Status == RefundFailed {
			n++
		}
	}
	return n
}
