package order

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/payment"
)

// Caps of what an order can have, so that reading and showing one order costs a bounded amount. None of them keeps money: a
// cancel, a late success and the last refund by hand are never refused.
const (
	// MaxPayments of one order: its first and those of paymentRetry. A Policy may allow fewer.
	MaxPayments = 20
	// MaxRefunds made by hand. One more is accepted if it refunds the whole remaining amount.
	MaxRefunds = 20
	// ShownRefunds and ShownAttempts bound the shown refunds of an order and attempts of a payment, the newest ones. There are more
	// only if the provider refuses refunds again and again.
	ShownRefunds  = 50
	ShownAttempts = 50
)

// checkRetry refuses a payment above the cap.
func (o *Order) checkRetry(policy Policy) error {
	if len(o.Payments) < policy.maxPayments() {
		return nil
	}
	return &TooManyAttempts{Limit: PerOrder}
}

// checkRefund refuses a refund above the cap, unless it refunds the whole remaining amount.
func (o *Order) checkRefund(minor int64) error {
	if len(o.Refunds()) < MaxRefunds || minor == o.RefundableAtOnce() {
		return nil
	}
	return fault.User(fault.TooManyRefunds, fmt.Sprintf("The order has %d refunds. Refund the whole remaining amount at once.", len(o.Refunds())), "input", "amountMinor")
}

// ShownPayments are the newest payments, at most MaxPayments, oldest first.
func (o *Order) ShownPayments() []payment.Payment { return newest(o.Payments, MaxPayments) }

// ShownRefunds are the newest refunds, at most ShownRefunds, oldest first.
func (o *Order) ShownRefunds() []payment.Refund { return newest(o.Refunds(), ShownRefunds) }

// ShownDisputes are the newest disputes of all payments, at most payment.MaxDisputes, oldest first.
func (o *Order) ShownDisputes() []payment.Dispute {
	all := []payment.Dispute{}
	for i := range o.Payments {
		all = append(all, o.Payments[i].Disputes...)
	}
	slices.SortFunc(all, func(a, b payment.Dispute) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return newest(all, payment.MaxDisputes)
}

func newest[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }
