package order

import (
	"errors"
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// The caps refuse what would make an order grow, and never keep money.
func TestCaps(t *testing.T) {
	t.Parallel()
	o := &Order{Head: &Head{Total: money.Amount{Minor: 1000, Currency: "EUR"}}}
	o.Captured = 1000
	for limit, most := range map[int]int{0: MaxPayments, 1: 1, 7: 7, MaxPayments + 1: MaxPayments} {
		o.Payments = make([]payment.Payment, most-1)
		if err := o.checkRetry(Policy{MaxPayments: limit}); err != nil {
			t.Errorf("limit %d, %d payments: %v", limit, len(o.Payments), err)
		}
		o.Payments = make([]payment.Payment, most)
		var refused *TooManyAttempts
		if err := o.checkRetry(Policy{MaxPayments: limit}); !errors.As(err, &refused) || refused.Limit != PerOrder {
			t.Errorf("limit %d, %d payments: %v", limit, len(o.Payments), err)
		}
	}
	o.Payments = make([]payment.Payment, MaxPayments)
	o.Payments[0].Captured = 1000
	o.Payments[0].Refunds = make([]payment.Refund, MaxRefunds-1)
	if err := o.checkRefund(1); err != nil {
		t.Error(err)
	}
	o.Payments[0].Refunds = make([]payment.Refund, 10*MaxRefunds)
	if err := o.checkRefund(999); fault.CodeOf(err) != "TOO_MANY_REFUNDS" {
		t.Error(err)
	}
	one := []payment.RefundLine{{Position: 1, Quantity: 1}}
	o.Payments[1].Refunds = []payment.Refund{{Lines: make([]payment.RefundLine, MaxRefundLines)}}
	if err := o.checkRefundLineCap(one); fault.CodeOf(err) != "TOO_MANY_REFUNDS" {
		t.Error(err)
	}
	if err := o.checkRefundLineCap(nil); err != nil {
		t.Errorf("a refund of an amount: %v", err)
	}
	o.Payments[1].Refunds[0].Lines = make([]payment.RefundLine, MaxRefundLines-1)
	if err := o.checkRefundLineCap(one); err != nil {
		t.Errorf("the last line: %v", err)
	}
	o.Payments[1].Refunds = nil
	if err := o.checkRefund(1000); err != nil {
		t.Errorf("the last refund: %v", err)
	}
	if payments, refunds := o.ShownPayments(), o.ShownRefunds(); len(payments) != MaxPayments || len(refunds) != ShownRefunds {
		t.Errorf("%d payments and %d refunds are shown", len(payments), len(refunds))
	}
}
