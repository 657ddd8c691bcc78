package order_test

import (
	"slices"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

func (w *walker) recheck() {
	w.Helper()
	w.o.RequestRecheck(w.cause(), w.o.Payments[0].ID)
}

// look rechecks and answers the look-up that must be due then.
func (w *walker) look(result payment.Result, err error) {
	w.Helper()
	w.recheck()
	work := w.next()
	if work == nil || !work.LookUpOnly {
		w.Fatalf("due is %+v, want a look-up", work)
	}
	w.take(work, result, err)
}

func (w *walker) take(work *payment.Work, result payment.Result, err error) {
	w.Helper()
	if err := w.o.Settle(w.cause(), w.policy, work, result, err); err != nil {
		w.Fatal(err)
	}
}

// quiet wants nothing to be due but timers of the domain.
func (w *walker) quiet() {
	w.Helper()
	if work, err := w.o.Advance(w.cause(), w.policy); work != nil || err != nil {
		w.Errorf("due is %+v, %v", work, err)
	}
}

func books(captured, refunded int64) *payment.SeenCharge {
	return &payment.SeenCharge{Totals: payment.Totals{Captured: captured, Refunded: refunded}}
}

func TestRecheckOfAnAttemptUnderWay(t *testing.T) {
	t.Parallel()
	t.Run("OKBeforeTheFirstCall", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.next()
		w.recheck()
		w.quiet()
	})
	t.Run("OKUnknown", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		first := w.call(payment.OperationAuthorize)
		for range 4 {
			w.answer(first, "", errTimeout)
		}
		now := w.now
		w.recheck()
		work := w.call(payment.OperationAuthorize)
		if !work.LookUpFirst || work.Call.Key != first.Call.Key || !w.now.Equal(now) {
			t.Fatalf("%+v at %v, want a look-up at %v", work, w.now, now)
		}
		w.answer(work, payment.Captured, nil)
		w.quiet()
		w.check(created, processing, confirmed)
	})
	// The webhook comes before the answer to our own call, and tells of something later than that answer.
	t.Run("OKDuringTheCall", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		work := w.call(payment.OperationAuthorize)
		w.recheck()
		w.answer(work, payment.ActionRequired, nil)
		again := w.next()
		if again == nil || !again.LookUpOnly || again.Call.Key != work.Call.Key {
			t.Fatalf("due is %+v", again)
		}
		w.answer(again, payment.Captured, nil)
		w.check(created, processing, order.PaymentActionRequired, processing, confirmed)
	})
}

// A recheck that is asked for while the charge is looked at leads to another look.
func TestRecheckDuringALook(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureManual)
	w.answer(w.call(payment.OperationAuthorize), payment.Held, nil)
	w.recheck()
	w.recheck()
	work := w.next()
	w.recheck()
	w.take(work, payment.Result{Outcome: payment.Held, Charge: books(0, 0)}, nil)
	work = w.next()
	if work == nil || !work.LookUpOnly {
		t.Fatalf("due is %+v", work)
	}
	// No answer: it is asked again after a pause.
	w.take(work, payment.Result{}, errTimeout)
	w.quiet()
	before := w.now
	if work = w.next(); work == nil || !work.LookUpOnly || w.now.Sub(before) < 20*time.Second {
		t.Fatalf("due is %+v after %v", work, w.now.Sub(before))
	}
	w.take(work, payment.Result{Outcome: payment.Captured, Charge: books(1000, 0)}, nil)
	w.quiet()
	w.check(created, processing, order.PaymentAuthorized, confirmed)
	if w.o.Status != order.Confirmed || w.o.DeliversAt == nil {
		t.Errorf("%+v", w.o.State)
	}
}

// What a look at the charge shows is taken in where it can happen without us, and told to a person where it cannot.
func TestObserve(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		outcome payment.Outcome // of the authorization
		seen    payment.Result
		want    []order.EventType
	}{
		"OKConfirmed":             {payment.Captured, payment.Result{Outcome: payment.Captured, Charge: books(1000, 0)}, nil},
		"OKConfirmedNoTotals":     {payment.Captured, payment.Result{Outcome: payment.Captured}, nil},
		"OKHeld":                  {payment.Held, payment.Result{Outcome: payment.Held, Charge: books(0, 0)}, nil},
		"OKHoldReleased":          {payment.Held, payment.Result{Outcome: payment.Released, Charge: books(0, 0)}, []order.EventType{voided}},
		"OKHoldCaptured":          {payment.Held, payment.Result{Outcome: payment.Captured, Charge: books(1000, 0)}, []order.EventType{confirmed}},
		"OKDeclined":              {payment.Refused, payment.Result{Outcome: payment.Refused, Charge: books(0, 0)}, nil},
		"OKDeclinedThenCaptured":  {payment.Refused, payment.Result{Outcome: payment.Captured, Charge: books(1000, 0)}, []order.EventType{order.RefundCreated}},
		"ErrRefundedElsewhere":    {payment.Captured, payment.Result{Outcome: payment.Captured, Charge: books(1000, 400)}, []order.EventType{order.PaymentNeedsAttention}},
		"ErrConfirmedIsRefused":   {payment.Captured, payment.Result{Outcome: payment.Refused}, []order.EventType{order.PaymentNeedsAttention}},
		"ErrConfirmedIsUnknown":   {payment.Captured, payment.Result{Outcome: payment.NotFound}, []order.EventType{order.PaymentNeedsAttention}},
		"ErrConfirmedIsHeld":      {payment.Captured, payment.Result{Outcome: payment.Held}, []order.EventType{order.PaymentNeedsAttention}},
		"ErrHoldIsRefused":        {payment.Held, payment.Result{Outcome: payment.Refused}, []order.EventType{order.PaymentNeedsAttention}},
		"ErrCapturedOnlyInTotals": {payment.Refused, payment.Result{Outcome: payment.Refused, Charge: books(1000, 0)}, []order.EventType{order.PaymentNeedsAttention}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalker(t, payment.CaptureManual)
			w.answer(w.call(payment.OperationAuthorize), tt.outcome, nil)
			before := len(w.o.Events())
			w.look(tt.seen, nil)
			var got []order.EventType
			for _, e := range w.o.Events()[before:] {
				got = append(got, e.Type)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if p := w.o.Payment(); slices.Contains(got, order.PaymentNeedsAttention) != (p.Attention != nil && *p.Attention == payment.Mismatch) {
				t.Errorf("attention %v", p.Attention)
			}
			if !slices.Contains(got, order.RefundCreated) {
				again := len(w.o.Events())
				w.look(tt.seen, nil)
				if len(w.o.Events()) != again {
					t.Errorf("looking again added %v", w.o.Events()[again:])
				}
			}
		})
	}
	t.Run("OKMismatchEnds", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
		w.look(payment.Result{Outcome: payment.Captured, Charge: books(1000, 1)}, nil)
		w.look(payment.Result{Outcome: payment.Captured}, nil)
		if w.o.Payment().Attention == nil {
			t.Error("a look without totals ended the mismatch")
		}
		w.look(payment.Result{Outcome: payment.Captured, Charge: books(1000, 0)}, nil)
		if w.o.Payment().Attention != nil {
			t.Error("the mismatch is over and stays")
		}
	})
}

// A success that arrives after the order was cancelled is booked and refunded in one version, and a refund of it that
// is refused stays pending: no version of a cancelled order keeps money.
func TestLateSuccessAfterCancelled(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureManual)
	w.answer(w.call(payment.OperationAuthorize), payment.Held, nil)
	w.cancel()
	w.answer(w.call(payment.OperationVoid), payment.Released, nil)
	want := []order.EventType{created, processing, order.PaymentAuthorized, cancelling, voided, cancelled}
	w.check(want...)
	w.look(payment.Result{Outcome: payment.Captured, Charge: books(1000, 0)}, nil)
	w.check(append(want, order.RefundCreated)...)
	w.answer(w.call(payment.OperationRefund), payment.Refused, nil)
	w.check(append(want, order.RefundCreated)...)
	w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
	w.check(append(want, order.RefundCreated, order.RefundSucceeded)...)
	w.look(payment.Result{Outcome: payment.Captured, Charge: books(1000, 1000)}, nil)
	w.quiet()
	if p := w.o.Payment(); p.Status != payment.Voided || p.Attention != nil || w.o.Status != order.Cancelled {
		t.Errorf("%+v", w.o.State)
	}
}

// A hold that the provider gives after the payment has ended is released there.
func TestLateHold(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureManual)
	w.answer(w.call(payment.OperationAuthorize), payment.Refused, nil)
	w.look(payment.Result{Outcome: payment.Held}, nil)
	w.answer(w.call(payment.OperationVoid), payment.Released, nil)
	w.quiet()
	w.check(created, processing, order.PaymentDeclined)
}
