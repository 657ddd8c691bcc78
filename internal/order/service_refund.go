package order

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// maxRefundReason in characters.
const maxRefundReason = 500

// RefundInput describes the refund that staff request.
type RefundInput struct {
	IdempotencyKey string `json:"-"`
	OrderID        id.Order
	// AmountMinor is in minor units of the order's currency; nil refunds everything that is refundable.
	AmountMinor *int64
	// Lines to refund instead of an amount; nil for none. The hash of a request without them must stay as it was before there were lines.
	Lines           []payment.RefundLine `json:",omitempty"`
	Reason          *string
	ExpectedVersion *int
	RequestID       string `json:"-"`
}

// Refund requests a refund of captured money, in part or in full, also after delivery; Outcome.EntityID is the refund's id. The
// amount is reserved at once, so refunds never exceed the captured amount. Staff only.
// User errors: ORDER_NOT_FOUND, NOTHING_REFUNDABLE, AMOUNT_OUT_OF_RANGE, INVALID_INPUT, QUANTITY_OUT_OF_RANGE, TOO_MANY_REFUNDS, ORDER_CANCELLING, CONFLICT, TEXT_INVALID,
// TEXT_TOO_LONG, CARD_NUMBER_REFUSED, and those of idempotency.
func (s *Service) Refund(ctx context.Context, p auth.Principal, in RefundInput) (Outcome, error) {
	if err := auth.RequireStaff(p); err != nil {
		return Outcome{}, err
	}
	var problems fault.List
	checkKey(&problems, in.IdempotencyKey)
	checkText(&problems, in.Reason, maxRefundReason, "input", "reason")
	if in.AmountMinor != nil && *in.AmountMinor <= 0 {
		problems.Add(fault.User(fault.AmountOutOfRange, "A refund is at least 1 minor unit.", "input", "amountMinor"))
	}
	checkRefundLines(&problems, in)
	if err := problems.Err(); err != nil {
		return Outcome{}, err
	}
	c := s.cause(p, in.RequestID)
	entry := audited(c, p, "refund.create", in.OrderID, "")
	outcome, err := s.store.ChangeOrder(ctx, p, in.OrderID, Change{
		Key:   Idempotency{Operation: "refundCreate", Key: in.IdempotencyKey, Hash: requestHash(in)},
		Audit: entry,
		Apply: func(o *Order) (uuid.UUID, error) {
			minor, err := refundAmount(o, in)
			if err != nil {
				return uuid.Nil, err
			}
			if err := o.checkRefund(minor); err != nil {
				return uuid.Nil, err
			}
			if err := o.checkRefundLineCap(in.Lines); err != nil {
				return uuid.Nil, err
			}
			refundID, err := o.Refund(c, minor, in.Reason, in.Lines)
			if err != nil {
				return uuid.Nil, err
			}
			detail := o.amount(minor).String() + " of " + o.Number + wordsOf(in.Lines)
			entry.Detail = &detail
			entry.About(refundID)
			return uuid.UUID(refundID), nil
		},
	})
	return outcome, notFound(err)
}

// refundAmount returns the amount to refund in minor units, or a user error that says why the order cannot be refunded.
func refundAmount(o *Order, in RefundInput) (int64, error) {
	left := o.RefundableAtOnce()
	switch {
	case o.Status == Cancelling:
		return 0, fault.User(fault.OrderCancelling, "The order is being cancelled, which refunds all of its money.", "input", "orderId")
	case !o.CanRefund():
		return 0, fault.User(fault.NothingRefundable, "Nothing is left to refund.", "input", "orderId")
	}
	if err := expectVersion(o, in.ExpectedVersion); err != nil {
		return 0, err
	}
	if len(in.Lines) > 0 {
		return o.LineAmount(in.Lines)
	}
	if in.AmountMinor == nil {
		return left, nil
	}
	if *in.AmountMinor > left {
		return 0, fault.User(fault.AmountOutOfRange, fmt.Sprintf("At most %d minor units can be refunded.", left), "input", "amountMinor")
	}
	return *in.AmountMinor, nil
}
