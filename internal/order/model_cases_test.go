package order_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// Lives that the model has found to end wrong, each told from its beginning.

// A cancelled payment is voided, the answer that it was captured before comes late, and the void's own outcome is unknown
// until its key ends. When it turns out that there was nothing left to void, nobody need look any more.
func TestVoidOfCapturedEndsAttention(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	w.answer(w.call(payment.OperationAuthorize), payment.ActionRequired, nil)
	look := w.call(payment.OperationAuthorize) // a look-up, while the customer cancels
	w.cancel()
	w.answer(look, payment.Captured, nil)
	refund := w.call(payment.OperationVoid)
	for refund.Call.Operation != payment.OperationRefund {
		w.answer(refund, "", errTimeout)
		refund = w.next()
	}
	w.answer(refund, payment.Refunded, nil)
	void := w.call(payment.OperationVoid)
	for w.o.Payment().Attention == nil {
		w.answer(void, "", errTimeout)
		void = w.call(payment.OperationVoid)
	}
	w.answer(void, payment.Captured, nil)
	if p := w.o.Payment(); p.Attention != nil || p.Captured != p.Refunded || w.o.Status != order.Cancelled {
		t.Errorf("the order is %s, its payment %+v", w.o.Status, p)
	}
	if due := w.o.DueAt(); due != nil {
		t.Errorf("due %v", due)
	}
}
