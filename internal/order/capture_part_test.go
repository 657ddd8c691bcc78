package order_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

const part = order.PaymentCaptured

func (w *walker) capturePart(minor int64, keepsRest bool) {
	w.Helper()
	p := w.o.Payment()
	if !w.o.CanCapture(p) {
		w.Fatal("cannot be captured")
	}
	w.o.CapturePart(w.cause(), p, minor, keepsRest)
}

// captured answers the capture that is due, which must be of an amount.
func (w *walker) captured(minor int64, final bool) {
	w.Helper()
	work := w.call(payment.OperationCapture)
	if work.Call.Amount.Minor != minor || work.Call.Final != final {
		w.Fatalf("it captures %s, final %t, want %d, %t", work.Call.Amount, work.Call.Final, minor, final)
	}
	w.answer(work, payment.Captured, nil)
}

// settle answers the call that is due.
func (w *walker) settle(operation payment.Operation, r payment.Result, err error) {
	w.Helper()
	if err := w.o.Settle(w.cause(), w.policy, w.call(operation), r, err); err != nil {
		w.Fatal(err)
	}
}

// paidIs wants what is captured, what can still be captured, and the statuses.
func (w *walker) paidIs(captured, capturable int64, status payment.Status, of order.Status) {
	w.Helper()
	p := w.o.Payment()
	if p.Captured != captured || w.o.Captured != captured || p.Capturable() != capturable || p.Status != status || w.o.Status != of {
		w.Errorf("%d of the order and %d of the payment are captured, %d can be, payment %s, order %s; want %d, %d, %s, %s",
			w.o.Captured, p.Captured, p.Capturable(), p.Status, w.o.Status, captured, capturable, status, of)
	}
	if (status == payment.Authorized) != (p.NextStepAt != nil && p.Goal == "") {
		w.Errorf("its next step is at %v, its goal %q", p.NextStepAt, p.Goal)
	}
}

func TestCaptureInParts(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		ends := *w.o.Payment().NextStepAt
		w.capturePart(400, true)
		if p := w.o.Payment(); w.o.CanCapture(p) || w.o.CanVoid(p) || !p.CaptureRequested(new(int64(400))) || p.CaptureRequested(new(int64(401))) || p.CaptureRequested(nil) {
			t.Error("a second thing may be done while the capture is under way")
		}
		w.captured(400, false)
		w.paidIs(400, 600, payment.Authorized, order.Created)
		if at := w.o.Payment().NextStepAt; !at.Equal(ends) || w.o.ExpiresAt != nil || w.o.DeliversAt != nil {
			t.Errorf("the authorization ends at %v, want %v; the order expires at %v and is delivered at %v", at, ends, w.o.ExpiresAt, w.o.DeliversAt)
		}
		w.capturePart(500, true)
		w.captured(500, false)
		w.capture()
		w.captured(100, true)
		w.paidIs(1000, 0, payment.Confirmed, order.Confirmed)
		w.check(created, processing, authorized, part, part, confirmed)
		for i, want := range map[int]int64{3: 400, 4: 500, 5: 1000} {
			if got := w.o.Events()[i].Data.Amount; got == nil || got.Minor != want {
				t.Errorf("event %d is of %v, want %d", i, got, want)
			}
		}
		if n := w.o.Payment().Captures(); n != 3 {
			t.Errorf("%d captures", n)
		}
	})
	// Where the provider captures once, a part is the last one.
	t.Run("OKLast", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capturePart(400, false)
		w.captured(400, true)
		w.paidIs(400, 0, payment.Confirmed, order.Confirmed)
		w.check(created, processing, authorized, confirmed)
		if p := w.o.Payment(); !p.CaptureRequested(nil) || !p.CaptureRequested(new(int64(400))) || p.CaptureRequested(new(int64(600))) {
			t.Error("a repeat is not recognized")
		}
	})
	// What the provider says is booked: somebody has captured another part in its dashboard.
	t.Run("OKTotal", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capturePart(400, true)
		w.settle(payment.OperationCapture, payment.Result{Outcome: payment.Captured, Captured: new(int64(700))}, nil)
		w.paidIs(700, 300, payment.Authorized, order.Created)
		if w.o.Payment().RecheckAt == nil {
			t.Error("nobody looks whether the rest is still held")
		}
	})
	t.Run("OKTotalIsAll", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capturePart(400, true)
		w.settle(payment.OperationCapture, payment.Result{Outcome: payment.Captured, Captured: new(int64(1000))}, nil)
		w.paidIs(1000, 0, payment.Confirmed, order.Confirmed)
		w.check(created, processing, authorized, confirmed)
	})
	t.Run("ErrRefused", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capturePart(400, true)
		w.captured(400, false)
		w.capturePart(300, true)
		w.answer(w.call(payment.OperationCapture), payment.Refused, nil)
		w.paidIs(400, 600, payment.Authorized, order.Created)
		w.capture()
		w.captured(600, true)
		w.check(created, processing, authorized, part, confirmed)
	})
	// A capture without an answer is repeated as it was asked for, whatever has been booked meanwhile.
	t.Run("OKRepeated", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capturePart(400, true)
		first := w.call(payment.OperationCapture)
		w.answer(first, "", errTimeout)
		again := w.call(payment.OperationCapture)
		if again.Call != first.Call || !again.LookUpFirst {
			t.Errorf("%+v, then %+v", first, again)
		}
		w.answer(again, payment.Captured, nil)
		w.check(created, processing, authorized, part)
	})
	for name, end := range map[string]func(w *walker){
		"OKVoided":  func(w *walker) { w.void() },
		"OKExpired": func(w *walker) { w.now = *w.o.Payment().NextStepAt },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newAuthorized(t)
			w.capturePart(400, true)
			w.captured(400, false)
			end(w)
			w.settle(payment.OperationVoid, payment.Result{Outcome: payment.Released, Captured: new(int64(400))}, nil)
			w.paidIs(400, 0, payment.Confirmed, order.Confirmed)
			w.check(created, processing, authorized, part, confirmed)
		})
	}
	t.Run("OKCancelled", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capturePart(400, true)
		w.captured(400, false)
		w.cancel()
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
		w.check(created, processing, authorized, part, cancelling, confirmed, order.RefundCreated, order.RefundSucceeded, cancelled)
		if w.o.Refunded != 400 {
			t.Errorf("%d are refunded", w.o.Refunded)
		}
	})
	// The cancel comes while nobody knows whether the part was captured. The void tells.
	t.Run("OKUnknownThenCancelled", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capturePart(400, true)
		w.answer(w.call(payment.OperationCapture), "", errTimeout)
		w.cancel()
		w.settle(payment.OperationVoid, payment.Result{Outcome: payment.Released, Captured: new(int64(400))}, nil)
		w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
		w.check(created, processing, authorized, cancelling, confirmed, order.RefundCreated, order.RefundSucceeded, cancelled)
	})
	// A part that was captured in the provider's dashboard is booked by a look at the charge.
	t.Run("OKOutside", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.o.RequestRecheck(w.cause(), w.o.Payment().ID)
		w.settle(payment.OperationAuthorize, payment.Result{Outcome: payment.Held, Charge: books(400, 0)}, nil)
		w.paidIs(400, 600, payment.Authorized, order.Created)
		w.o.RequestRecheck(w.cause(), w.o.Payment().ID)
		w.settle(payment.OperationAuthorize, payment.Result{Outcome: payment.Captured, Charge: books(900, 0)}, nil)
		w.paidIs(900, 0, payment.Confirmed, order.Confirmed)
		w.check(created, processing, authorized, part, confirmed)
		if w.o.Payment().Attention != nil {
			t.Errorf("attention %v", *w.o.Payment().Attention)
		}
	})
}
