package order_test

import (
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

var prepared = payment.Result{Outcome: payment.Prepared, Reference: "pi_1"}

// A provider that makes the charge first is called again at once, with the reference and without a look-up between.
func TestPrepared(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		create := w.call(payment.OperationAuthorize)
		now := w.now
		w.take(create, prepared, nil)
		if w.o.Payment().Reference != "pi_1" {
			t.Fatal("the reference is not there to be committed before the next call")
		}
		confirm := w.call(payment.OperationAuthorize)
		if confirm.LookUpFirst || confirm.LookUpOnly || confirm.Call.Reference != "pi_1" || confirm.Call.Key != create.Call.Key || !w.now.Equal(now) {
			t.Fatalf("after the create: %+v at %v", confirm, w.now)
		}
		w.answer(confirm, payment.Captured, nil)
		w.check(created, processing, confirmed)
		if attemptsOf(w.o)[0].Calls != 2 {
			t.Errorf("%+v", attemptsOf(w.o))
		}
	})
	// Killed between the two, or the confirmation has no answer: it is looked up first.
	t.Run("OKUnknown", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.take(w.call(payment.OperationAuthorize), prepared, nil)
		w.answer(w.call(payment.OperationAuthorize), "", errTimeout)
		again := w.call(payment.OperationAuthorize)
		if !again.LookUpFirst || again.Call.Reference != "pi_1" {
			t.Errorf("%+v", again)
		}
	})
	// A provider that never gets further is as good as silent.
	t.Run("ErrAgainAndAgain", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		for range 8 {
			before := w.now
			work := w.call(payment.OperationAuthorize)
			if work.Call.Reference != "" && work.LookUpFirst && !w.now.After(before) {
				t.Fatal("called again without a pause")
			}
			w.take(work, prepared, nil)
		}
		if p := w.o.Payment(); p.Attention == nil || *p.Attention != payment.UnknownOutcome {
			t.Errorf("attention %v", p.Attention)
		}
		w.check(created, processing, order.PaymentNeedsAttention)
	})
	t.Run("OKCancelledBeforeItIsConfirmed", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		create := w.call(payment.OperationAuthorize)
		w.cancel()
		w.take(create, prepared, nil)
		void := w.call(payment.OperationVoid)
		if void.Call.Reference != "pi_1" {
			t.Errorf("%+v", void)
		}
		w.answer(void, payment.Released, nil)
		w.check(created, processing, cancelling, voided, cancelled)
	})
}

// While the customer has to act the charge is looked up when their time is up and rarely before, and never called; the
// look-ups do not count towards the cap.
func TestRequiresAction(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureManual)
	work := w.call(payment.OperationAuthorize)
	expires := w.now.Add(5 * time.Minute)
	waits := payment.Result{Outcome: payment.ActionRequired, Action: &payment.NextAction{Type: payment.ActionRedirect, URL: "https://bank.example", ExpiresAt: &expires}}
	w.take(work, waits, nil)
	looks := 0
	for w.now.Before(expires) {
		before := w.now
		look := w.next()
		if look == nil || !look.LookUpOnly || look.Call.Key != work.Call.Key || w.now.Sub(before) < time.Minute && w.now.Before(expires) {
			t.Fatalf("due is %+v after %v", look, w.now.Sub(before))
		}
		looks++
		switch {
		case !w.now.Before(expires):
			w.take(look, payment.Result{Outcome: payment.Refused, Code: "action_expired"}, nil)
		case looks == 1:
			w.take(look, payment.Result{}, errTimeout)
		default:
			w.take(look, waits, nil)
		}
	}
	if late := w.now.Sub(expires); late > 2*time.Second {
		t.Errorf("the end of the time was seen %v late", late)
	}
	w.check(created, processing, order.PaymentActionRequired, processing, order.PaymentDeclined)
	if a := attemptsOf(w.o)[0]; a.Calls != 1 || w.o.Payment().Attention != nil {
		t.Errorf("%+v", a)
	}
}

func TestRequiresActionThenHeld(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureManual)
	w.answer(w.call(payment.OperationAuthorize), payment.ActionRequired, nil)
	w.recheck()
	w.answer(w.next(), payment.Held, nil)
	w.check(created, processing, order.PaymentActionRequired, processing, order.PaymentAuthorized)
	if w.o.ExpiresAt != nil || w.o.Payment().NextStepAt == nil {
		t.Errorf("%+v", w.o.State)
	}
}

// A customer who chooses in the browser how to pay may get a voucher there: the order waits until its end. Everybody is told of it once.
func TestVoucherChosenLater(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	w.take(w.call(payment.OperationAuthorize), payment.Result{Outcome: payment.ActionRequired, Action: &payment.NextAction{Type: payment.ActionClientSecret, ClientSecret: "secret"}}, nil)
	end := w.now.Add(72 * time.Hour)
	for range 2 {
		w.recheck()
		w.take(w.next(), payment.Result{Outcome: payment.ActionRequired, Action: &payment.NextAction{Type: payment.ActionRedirect, URL: "https://voucher.example", ExpiresAt: &end}}, nil)
	}
	w.check(created, processing, order.PaymentActionRequired, order.PaymentActionRequired)
	if w.o.ExpiresAt == nil || !w.o.ExpiresAt.Equal(end.Add(time.Minute)) {
		t.Errorf("the order expires at %v, the voucher at %v", w.o.ExpiresAt, end)
	}
}

// While a bank decides, the order does not expire. Once it has refused and the customer may pay by other means, it does.
func TestDelayedThenRequiresAction(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	w.answer(w.call(payment.OperationAuthorize), payment.ActionRequired, nil)
	w.recheck()
	w.answer(w.next(), payment.Pending, nil)
	if w.o.ExpiresAt != nil || !w.o.Payment().Delayed {
		t.Errorf("%+v", w.o.State)
	}
	w.recheck()
	w.answer(w.next(), payment.ActionRequired, nil)
	w.check(created, processing, order.PaymentActionRequired, processing, order.PaymentActionRequired)
	if w.o.ExpiresAt == nil || !w.o.ExpiresAt.Equal(w.now.Add(w.policy.Expiry)) || attemptsOf(w.o)[0].Accepted {
		t.Errorf("%+v, attempts %+v", w.o.State, attemptsOf(w.o))
	}
}

// A void that has to wait for a bank is not made again until that has decided, then by another attempt: the provider's answer is kept under
// the key of the first.
func TestVoidWaitsForBank(t *testing.T) {
	t.Parallel()
	for name, decided := range map[string]payment.Outcome{"OKReleased": payment.Released, "OKRefused": payment.NotFound, "ErrCaptured": payment.Captured} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalker(t, payment.CaptureAutomatic)
			w.answer(w.call(payment.OperationAuthorize), payment.ActionRequired, nil)
			w.cancel()
			w.answer(w.call(payment.OperationVoid), payment.Pending, nil)
			first := attemptsOf(w.o)[1].ID
			for range 30 {
				look := w.next()
				if look == nil || !look.LookUpOnly || look.Call.Key != first {
					t.Fatalf("due is %+v", look)
				}
				w.answer(look, payment.Pending, nil)
			}
			if w.o.Payment().Attention != nil {
				t.Error("staff are asked, who can do nothing")
			}
			w.answer(w.next(), decided, nil)
			if decided == payment.NotFound {
				again := w.call(payment.OperationVoid)
				if again.Call.Key == first || again.LookUpFirst {
					t.Errorf("%+v", again)
				}
				w.answer(again, payment.Released, nil)
			}
			if decided == payment.Captured {
				w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
			}
			if w.o.Status != order.Cancelled || w.o.Captured != w.o.Refunded || len(attemptsOf(w.o)) > 3 {
				t.Errorf("%+v, attempts %+v", w.o.State, attemptsOf(w.o))
			}
		})
	}
}
