package order_test

import (
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

const authorized = order.PaymentAuthorized

// newAuthorized returns an order whose payment is AUTHORIZED.
func newAuthorized(t *testing.T) *walker {
	t.Helper()
	w := newWalker(t, payment.CaptureManual)
	w.answer(w.call(payment.OperationAuthorize), payment.Held, nil)
	return w
}

func (w *walker) capture() {
	w.Helper()
	if p := w.o.Payment(); w.o.CanCapture(p) {
		w.o.Capture(w.cause(), p)
		return
	}
	w.Fatal("cannot be captured")
}

func (w *walker) void() {
	w.Helper()
	p := w.o.Payment()
	if !w.o.CanVoid(p) {
		w.Fatal("cannot be voided")
	}
	if err := w.o.Void(w.cause(), w.policy, p); err != nil {
		w.Fatal(err)
	}
}

func TestCapture(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capture()
		if p := w.o.Payment(); w.o.CanVoid(p) || w.o.CanCapture(p) {
			t.Error("a second thing may be done while the capture is under way")
		}
		w.answer(w.call(payment.OperationCapture), payment.Captured, nil)
		w.check(created, processing, authorized, confirmed)
		if w.o.Status != order.Confirmed || w.o.DeliversAt == nil || w.o.Payment().Goal != "" {
			t.Errorf("%+v", w.o.State)
		}
	})
	// A refused capture leaves the hold, which still runs out at its time.
	t.Run("ErrRefused", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		ends := w.now.Add(w.policy.AuthorizationExpiry)
		w.now = w.now.Add(time.Hour)
		w.capture()
		w.answer(w.call(payment.OperationCapture), "", &payment.DefiniteError{Message: "not today"})
		p := w.o.Payment()
		if p.Status != payment.Authorized || p.NextStepAt == nil || !p.NextStepAt.Equal(ends) || !w.o.CanCapture(p) || !w.o.CanVoid(p) {
			t.Fatalf("%+v, want the hold until %v", p, ends)
		}
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.check(created, processing, authorized, order.PaymentExpired)
	})
	t.Run("OKUnknownThenCancelled", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capture()
		w.answer(w.call(payment.OperationCapture), "", errTimeout)
		w.cancel()
		w.answer(w.call(payment.OperationVoid), payment.Captured, nil)
		w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
		w.check(created, processing, authorized, cancelling, confirmed, order.RefundCreated, order.RefundSucceeded, cancelled)
	})
	t.Run("OKCancelledBeforeTheCall", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capture()
		w.cancel()
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.check(created, processing, authorized, cancelling, voided, cancelled)
	})
	t.Run("ErrReleasedMeanwhile", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.capture()
		w.answer(w.call(payment.OperationCapture), payment.Released, nil)
		w.check(created, processing, authorized, voided)
	})
}

func TestVoid(t *testing.T) {
	t.Parallel()
	t.Run("OKHold", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.void()
		if p := w.o.Payment(); w.o.CanVoid(p) || w.o.CanCapture(p) {
			t.Error("a second thing may be done while the void is under way")
		}
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.check(created, processing, authorized, voided)
		if !w.o.CanRetry() || w.o.ExpiresAt == nil || !w.o.ExpiresAt.Equal(w.now.Add(w.policy.Expiry)) {
			t.Errorf("%+v", w.o.State)
		}
	})
	t.Run("OKBeforeTheProviderKnows", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		expires := *w.o.ExpiresAt
		w.now = w.now.Add(time.Millisecond)
		w.void()
		w.check(created, voided)
		if len(attemptsOf(w.o)) != 0 || !w.o.ExpiresAt.Equal(expires) {
			t.Errorf("%+v", w.o)
		}
	})
	t.Run("OKRequiresAction", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.answer(w.call(payment.OperationAuthorize), payment.ActionRequired, nil)
		w.void()
		if w.o.CanCompleteAction(w.o.Payment()) {
			t.Error("the action may be completed while the void is under way")
		}
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.check(created, processing, order.PaymentActionRequired, voided)
	})
	t.Run("ErrProcessing", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.call(payment.OperationAuthorize)
		if w.o.CanVoid(w.o.Payment()) {
			t.Error("a payment whose outcome is unknown may be voided")
		}
	})
	t.Run("ErrRefused", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.void()
		w.answer(w.call(payment.OperationVoid), payment.Refused, nil)
		if p := w.o.Payment(); !w.o.CanCapture(p) || p.NextStepAt == nil {
			t.Errorf("%+v", p)
		}
	})
	t.Run("OKCapturedMeanwhilePaysTheOrder", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		w.void()
		w.answer(w.call(payment.OperationVoid), payment.Captured, nil)
		w.check(created, processing, authorized, confirmed)
		if w.o.Status != order.Confirmed {
			t.Errorf("%s", w.o.Status)
		}
	})
	// The void for the expiry continues with new attempts, at growing intervals, and staff are told.
	t.Run("OKExpiryIsRefusedAndRetried", func(t *testing.T) {
		t.Parallel()
		w := newAuthorized(t)
		var pause time.Duration
		for range 9 {
			before := w.now
			w.answer(w.call(payment.OperationVoid), payment.Refused, nil)
			pause = w.o.DueAt().Sub(before)
		}
		if pause < 20*time.Second {
			t.Errorf("the last pause is %v", pause)
		}
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.check(created, processing, authorized, order.PaymentNeedsAttention, order.PaymentExpired)
		if w.o.Payment().Attention != nil {
			t.Error("it needs nobody any more")
		}
	})
}

// A void leads to the status of its first request, even if another request comes meanwhile.
func TestGoalOfAVoidIsKept(t *testing.T) {
	t.Parallel()
	w := newAuthorized(t)
	w.now = w.now.Add(w.policy.AuthorizationExpiry)
	void := w.call(payment.OperationVoid)
	w.cancel()
	w.answer(void, payment.Released, nil)
	w.check(created, processing, authorized, cancelling, order.PaymentExpired, cancelled)
}
