package order_test

import (
	"errors"
	"testing"

	"github.com/orderwire/orderwire/internal/fsm"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// capped leaves an attempt of the operation at the end of its key's life.
func (w *walker) capped(operation payment.Operation) *payment.Work {
	w.Helper()
	var work *payment.Work
	for w.o.Payment().Attention == nil {
		work = w.call(operation)
		w.answer(work, "", errTimeout)
	}
	return work
}

func (w *walker) resolve(r payment.Resolution) {
	w.Helper()
	if err := w.o.Resolve(w.cause(), w.policy, w.o.Payments[0].ID, r); err != nil {
		w.Fatal(err)
	}
}

func (w *walker) notResolved(r payment.Resolution) {
	w.Helper()
	var refused *fsm.NotAllowedError
	if err := w.o.Clone().Resolve(w.cause(), w.policy, w.o.Payments[0].ID, r); !errors.As(err, &refused) {
		w.Errorf("%s: %v", r, err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	// A person has seen one refund at the provider. The other one, which is older, was never sent.
	t.Run("OKRefundThatWasCalled", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
		unsent, called := w.refund(300), w.refund(200)
		w.o.DeliversAt = nil
		for w.o.Payment().Attention == nil {
			work, err := w.call(payment.OperationRefund), errTimeout
			if work.Call.RefundID == unsent {
				err = &payment.NotSentError{Cause: errTimeout}
			}
			w.answer(work, "", err)
		}
		w.resolve(payment.MarkNotCaptured)
		if first, second := w.o.RefundByID(unsent).Status, w.o.RefundByID(called).Status; first != payment.RefundPending || second != payment.RefundSucceeded {
			t.Errorf("the refund that was never sent is %s, the other %s", first, second)
		}
	})
	const attention = order.PaymentNeedsAttention
	refund := func(w *walker) {
		w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
		if _, err := w.o.Refund(w.cause(), 400, nil, nil); err != nil {
			w.Fatal(err)
		}
	}
	hold := func(w *walker) { w.answer(w.call(payment.OperationAuthorize), payment.Held, nil) }
	for name, tt := range map[string]struct {
		before    func(*walker)
		operation payment.Operation
		mark      payment.Resolution
		want      []order.EventType // after PAYMENT_NEEDS_ATTENTION
		status    payment.Status
	}{
		"OKAuthorizeCaptured":    {func(*walker) {}, payment.OperationAuthorize, payment.MarkCaptured, []order.EventType{confirmed}, payment.Confirmed},
		"OKAuthorizeNotCaptured": {func(*walker) {}, payment.OperationAuthorize, payment.MarkNotCaptured, nil, payment.Processing},
		"OKCaptureCaptured":      {func(w *walker) { hold(w); w.capture() }, payment.OperationCapture, payment.MarkCaptured, []order.EventType{confirmed}, payment.Confirmed},
		"OKCaptureNotCaptured":   {func(w *walker) { hold(w); w.capture() }, payment.OperationCapture, payment.MarkNotCaptured, nil, payment.Authorized},
		"OKVoidCaptured":         {func(w *walker) { hold(w); w.void() }, payment.OperationVoid, payment.MarkCaptured, []order.EventType{confirmed}, payment.Confirmed},
		"OKVoidNotCaptured":      {func(w *walker) { hold(w); w.void() }, payment.OperationVoid, payment.MarkNotCaptured, []order.EventType{voided}, payment.Voided},
		"OKRefundCaptured":       {refund, payment.OperationRefund, payment.MarkCaptured, []order.EventType{order.RefundFailed}, payment.Confirmed},
		"OKRefundNotCaptured":    {refund, payment.OperationRefund, payment.MarkNotCaptured, []order.EventType{order.RefundSucceeded}, payment.Confirmed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalker(t, payment.CaptureManual)
			tt.before(w)
			w.o.DeliversAt = nil // only the attempt's timers are looked at here
			work := w.capped(tt.operation)
			before := len(w.o.Events())
			w.resolve(tt.mark)
			got := w.o.Events()[before:]
			if len(got) != len(tt.want) || len(got) == 1 && got[0].Type != tt.want[0] || w.o.Payment().Status != tt.status {
				t.Errorf("%v, %s", got, w.o.Payment().Status)
			}
			if w.o.Payment().Attention != nil {
				t.Error("it still needs a person")
			}
			if w.o.Events()[before-1].Type != attention {
				t.Errorf("before it: %s", w.o.Events()[before-1].Type)
			}
			// An answer that was on its way all the time is not ignored, nor booked twice.
			if tt.mark == payment.MarkNotCaptured && tt.operation == payment.OperationAuthorize {
				w.answer(work, payment.Captured, nil)
				w.answer(work, payment.Captured, nil)
				if w.o.Status != order.Confirmed || w.o.Captured != 1000 || w.o.RefundPending != 0 {
					t.Errorf("%+v", w.o.State)
				}
			}
			if tt.operation == payment.OperationRefund {
				w.answer(work, payment.Refunded, nil)
				if (w.o.Payment().Attention != nil) != (tt.mark == payment.MarkCaptured) {
					t.Errorf("refunded after all: attention %v", w.o.Payment().Attention)
				}
			}
		})
	}
	t.Run("OKRecheckAllowsOneCallMore", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		key := w.capped(payment.OperationAuthorize).Call.Key
		now, calls := w.now, attemptsOf(w.o)[0].Calls
		w.resolve(payment.Recheck)
		work := w.call(payment.OperationAuthorize)
		if work.Call.Key != key || work.LookUpOnly || !work.LookUpFirst || !w.now.Equal(now) {
			t.Fatalf("%+v at %v", work, w.now)
		}
		w.answer(work, "", errTimeout)
		if work = w.call(payment.OperationAuthorize); !work.LookUpOnly || attemptsOf(w.o)[0].Calls != calls+1 {
			t.Errorf("%+v", work)
		}
		w.check(created, processing, attention)
	})
	t.Run("OKAgain", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.capped(payment.OperationAuthorize)
		w.resolve(payment.MarkNotCaptured)
		w.resolve(payment.MarkNotCaptured)
		w.notResolved(payment.MarkCaptured)
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.resolve(payment.MarkNotCaptured)
		w.notResolved(payment.MarkCaptured)
		w.check(created, processing, attention, voided)
	})
	// Staff mark a charge as not captured that its customer can still approve. The order is not paid again before the provider has
	// released the charge, however long that takes and whatever staff mark.
	t.Run("OKNotCapturedWhileTheCustomerCanPay", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.capped(payment.OperationAuthorize)
		w.resolve(payment.MarkNotCaptured)
		key := w.capped(payment.OperationVoid).Call.Key
		w.notResolved(payment.MarkNotCaptured)
		for range 5 {
			if w.o.CanRetry() {
				t.Fatal("it can be paid again")
			}
			w.answer(w.call(payment.OperationVoid), "", errTimeout)
		}
		w.answer(w.call(payment.OperationVoid), payment.NotFound, nil)
		work := w.call(payment.OperationVoid)
		if work.LookUpOnly || work.Call.Key != key {
			t.Errorf("%+v", work)
		}
		w.answer(work, payment.Released, nil)
		if !w.o.CanRetry() || w.o.Payment().Attention != nil {
			t.Errorf("%+v", w.o.State)
		}
		w.check(created, processing, attention, attention, voided)
	})
	// The books stand or a refund is made; a mark does not rewrite them.
	t.Run("OKMismatch", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
		w.look(payment.Result{Outcome: payment.Captured, Charge: books(1000, 300)}, nil)
		w.notResolved(payment.MarkNotCaptured)
		w.resolve(payment.MarkCaptured)
		if w.o.Payment().Attention != nil || w.o.Refunded != 0 {
			t.Errorf("%+v", w.o.State)
		}
	})
	t.Run("ErrNothingToResolve", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.notResolved(payment.Recheck)
		w.notResolved(payment.MarkCaptured)
		w.call(payment.OperationAuthorize)
		w.notResolved(payment.MarkNotCaptured)
	})
}

func TestRefund(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	if w.o.CanRefund() {
		t.Error("nothing is captured")
	}
	w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
	w.next() // delivered
	want := []order.EventType{created, processing, confirmed, order.OrderDelivered}
	for _, minor := range []int64{300, 200} {
		if _, err := w.o.Refund(w.cause(), minor, nil, nil); err != nil {
			t.Fatal(err)
		}
		want = append(want, order.RefundCreated)
	}
	if _, err := w.o.Clone().Refund(w.cause(), 501, nil, nil); err == nil || w.o.Refundable() != 500 {
		t.Errorf("%v, %d refundable", err, w.o.Refundable())
	}
	w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
	// A refund that staff asked for and that fails gives its amount back; it is not repeated by itself.
	w.answer(w.call(payment.OperationRefund), payment.Refused, nil)
	w.check(append(want, order.RefundSucceeded, order.RefundFailed)...)
	w.quiet()
	if w.o.Refundable() != 700 || w.o.Refunded != 300 || !w.o.CanRefund() {
		t.Errorf("%+v", w.o.State)
	}
}

// Attention lasts until the last attempt that needs a person is settled.
func TestAttentionOfTwoRefunds(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
	for _, minor := range []int64{300, 200} {
		if _, err := w.o.Refund(w.cause(), minor, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	silent := w.o.Refunds()[0].ID
	for w.o.Refunded == 0 {
		work := w.call(payment.OperationRefund)
		if work.Call.RefundID == silent || w.o.Payment().Attention == nil {
			w.answer(work, "", errTimeout)
			continue
		}
		w.answer(work, payment.Refunded, nil)
	}
	if w.o.Payment().Attention == nil {
		t.Error("the other refund is forgotten")
	}
	w.resolve(payment.MarkNotCaptured)
	if w.o.Payment().Attention != nil || w.o.Refunded != 500 {
		t.Errorf("%+v", w.o.State)
	}
}
