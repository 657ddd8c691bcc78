package order_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// A refund by line that the provider refuses, or takes back after its success, gives its quantity back.
func TestRefundLinesFail(t *testing.T) {
	t.Parallel()
	w := paidLines(t)
	refund := func(lines ...payment.RefundLine) (payment.Refund, error) {
		minor, err := w.o.LineAmount(lines)
		if err != nil {
			return payment.Refund{}, err
		}
		refundID, err := w.o.Refund(w.cause(), minor, nil, lines)
		if err != nil {
			return payment.Refund{}, err
		}
		return *w.o.RefundByID(refundID), nil
	}
	refunded := func(want ...int) {
		t.Helper()
		for i, l := range w.o.ShownLines() {
			if l.RefundedQuantity != want[i] {
				t.Errorf("of line %d %d are refunded, want %d", l.Position, l.RefundedQuantity, want[i])
			}
		}
	}
	both := []payment.RefundLine{{Position: 2, Quantity: 3}, {Position: 1, Quantity: 1}}
	r, err := refund(both...)
	if err != nil || r.Amount.Minor != 650 {
		t.Fatalf("%v, %v", r, err)
	}
	refunded(1, 3)
	if _, err := refund(payment.RefundLine{Position: 2, Quantity: 1}); fault.CodeOf(err) != fault.QuantityOutOfRange {
		t.Errorf("%v, want QUANTITY_OUT_OF_RANGE", err)
	}
	w.answer(w.call(payment.OperationRefund), payment.Refused, nil)
	refunded(0, 0)
	if r, err = refund(both...); err != nil {
		t.Fatal(err)
	}
	w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
	refunded(1, 3)
	w.o.RequestRecheck(w.cause(), w.o.Payment().ID)
	books := &payment.SeenCharge{
		Totals:  payment.Totals{Captured: 1000},
		Refunds: []payment.SeenRefund{{Reference: "r", RefundID: r.ID, Minor: 650, Status: payment.RefundFailed}},
	}
	work, err := w.o.Advance(w.cause(), w.policy)
	if err != nil || work == nil {
		t.Fatalf("%v, %v", work, err)
	}
	if err := w.o.Settle(w.cause(), w.policy, work, payment.Result{Outcome: payment.Captured, Charge: books}, nil); err != nil {
		t.Fatal(err)
	}
	if got := w.o.RefundByID(r.ID).Status; got != payment.RefundFailed {
		t.Fatalf("the refund is %s", got)
	}
	refunded(0, 0)
	events := w.o.Events()
	created := 0
	for i := range events {
		if events[i].Type == order.RefundCreated {
			created++
		}
		for _, l := range events[i].Order.ShownLines() {
			if l.RefundedQuantity > 0 && created == 0 {
				t.Errorf("version %d shows refunds that came later", events[i].Version)
			}
		}
	}
}

// paidLines is an order of two mugs at 3.50 and three pens at 1.00 that is paid.
func paidLines(t *testing.T) *walker {
	t.Helper()
	w := newWalker(t, payment.CaptureAutomatic)
	line := func(name string, quantity int, minor int64) order.Line {
		return order.Line{Name: name, Quantity: quantity, UnitPrice: money.New(minor, "EUR"), Total: money.New(int64(quantity)*minor, "EUR")}
	}
	w.o = order.New(w.cause(), w.policy, order.Draft{
		Head:   order.Head{CustomerID: id.New[id.Customer](), Total: money.New(1000, "EUR"), Lines: []order.Line{line("Mug", 2, 350), line("Pen", 3, 100)}},
		Method: order.PaymentMethod{Provider: "test", Capture: payment.CaptureAutomatic},
	})
	w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
	return w
}
