package order_test

import (
	"slices"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// payAnotherWay makes a new payment while the latest waits for its customer, or after it was declined.
func (w *walker) payAnotherWay() {
	w.Helper()
	if !w.o.CanRetry() {
		w.Fatalf("the order cannot be paid another way: %+v", w.o.State)
	}
	if _, err := w.o.Retry(w.cause(), w.policy, order.PaymentMethod{Provider: "test", Token: "another", Capture: payment.CaptureAutomatic}); err != nil {
		w.Fatal(err)
	}
}

// decline answers with a decline whose charge can still be paid at the provider.
func (w *walker) declinePayable(work *payment.Work) {
	w.Helper()
	r := payment.Result{Outcome: payment.Refused, Code: "card_declined", Payable: true}
	if err := w.o.Settle(w.cause(), w.policy, work, r, nil); err != nil {
		w.Fatal(err)
	}
}

func (w *walker) statuses(want ...payment.Status) {
	w.Helper()
	var got []payment.Status
	for i := range w.o.Payments {
		got = append(got, w.o.Payments[i].Status)
	}
	if !slices.Equal(got, want) {
		w.Errorf("payments %v, want %v", got, want)
	}
}

// waitingFor is an order whose second payment waits until the first, which waited for its customer, is voided.
func waitingFor(t *testing.T) *walker {
	t.Helper()
	w := newWalker(t, payment.CaptureAutomatic)
	w.answer(w.call(payment.OperationAuthorize), payment.ActionRequired, nil)
	w.payAnotherWay()
	w.statuses(payment.RequiresAction, payment.Initializing)
	if w.o.CanRetry() || !w.o.Payments[1].Waits || w.o.Payments[1].NextStepAt != nil {
		t.Fatalf("the new payment does not wait: %+v", w.o.Payments[1])
	}
	return w
}

// paysWithTheSecond wants the second payment to be sent with the order's next call.
func (w *walker) paysWithTheSecond() {
	w.Helper()
	work := w.call(payment.OperationAuthorize)
	if work.Call.PaymentID != w.o.Payments[1].ID || work.Call.Method != "another" {
		w.Fatalf("sent %+v", work.Call)
	}
	w.answer(work, payment.Captured, nil)
	if w.o.Status != order.Confirmed || w.o.Payment().ID != w.o.Payments[1].ID {
		w.Errorf("the order is %s", w.o.Status)
	}
}

func TestPayAnotherWay(t *testing.T) {
	t.Parallel()
	asked := []order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentActionRequired, order.PaymentRetried}
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		w := waitingFor(t)
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.paysWithTheSecond()
		w.statuses(payment.Voided, payment.Confirmed)
		w.check(append(asked, order.PaymentVoided, order.PaymentProcessing, order.PaymentConfirmed)...)
	})
	t.Run("OKPaidMeanwhile", func(t *testing.T) {
		t.Parallel()
		w := waitingFor(t)
		w.answer(w.call(payment.OperationVoid), payment.Captured, nil)
		w.statuses(payment.Confirmed, payment.Voided)
		w.check(append(asked, order.PaymentProcessing, order.PaymentConfirmed, order.PaymentVoided)...)
		if p := w.o.Payments[1]; w.o.Status != order.Confirmed || w.o.Payment().ID != w.o.Payments[0].ID || len(p.Attempts) != 0 || p.Waits {
			t.Errorf("the order is %s, its new payment %+v", w.o.Status, p)
		}
	})
	// A look-up was on its way when the customer chose another card, and it comes back before the void is asked.
	t.Run("OKPaidBeforeTheVoid", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.answer(w.call(payment.OperationAuthorize), payment.ActionRequired, nil)
		look := w.call(payment.OperationAuthorize)
		w.payAnotherWay()
		w.answer(look, payment.Captured, nil)
		w.statuses(payment.Confirmed, payment.Voided)
		w.answer(w.call(payment.OperationVoid), payment.Captured, nil)
		w.check(append(asked, order.PaymentProcessing, order.PaymentConfirmed, order.PaymentVoided)...)
	})
	t.Run("OKVoidRefusedAtFirst", func(t *testing.T) {
		t.Parallel()
		w := waitingFor(t)
		w.answer(w.call(payment.OperationVoid), payment.Refused, nil)
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.paysWithTheSecond()
	})
	t.Run("OKCancelled", func(t *testing.T) {
		t.Parallel()
		w := waitingFor(t)
		w.cancel()
		w.statuses(payment.RequiresAction, payment.Voided)
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.statuses(payment.Voided, payment.Voided)
		w.check(append(asked, order.OrderCancelling, order.PaymentVoided, order.PaymentVoided, order.OrderCancelled)...)
	})
	t.Run("OKStaffVoidTheNewOne", func(t *testing.T) {
		t.Parallel()
		w := waitingFor(t)
		if err := w.o.Void(w.cause(), w.policy, w.o.Payment()); err != nil {
			t.Fatal(err)
		}
		w.statuses(payment.RequiresAction, payment.Voided)
		w.payAnotherWay() // while the first is still being voided
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.statuses(payment.Voided, payment.Voided, payment.Initializing)
		w.call(payment.OperationAuthorize)
	})
}

// The provider is out of reach when it is asked to void. The order does not expire as long as the void is repeated.
func TestPayAnotherWayInOutage(t *testing.T) {
	t.Parallel()
	outage := func(t *testing.T, ends func(w *walker) bool) (*walker, *payment.Work) {
		t.Helper()
		w := waitingFor(t)
		expires := w.now.Add(5 * time.Minute)
		w.o.ExpiresAt = &expires
		void := w.call(payment.OperationVoid)
		for !ends(w) {
			w.answer(void, "", errTimeout)
			void = w.next()
			if void == nil {
				break
			}
		}
		return w, void
	}
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		w, void := outage(t, func(w *walker) bool { return w.now.After(w.o.ExpiresAt.Add(5 * time.Minute)) })
		w.statuses(payment.RequiresAction, payment.Initializing)
		w.answer(void, payment.Released, nil)
		if left := w.o.ExpiresAt.Sub(w.now); left != w.policy.Expiry {
			t.Errorf("the order expires in %s", left)
		}
		w.paysWithTheSecond()
	})
	t.Run("ErrKeyEnded", func(t *testing.T) {
		t.Parallel()
		w, void := outage(t, func(w *walker) bool { return w.o.Status != order.Created })
		w.statuses(payment.RequiresAction, payment.Expired)
		if w.o.Payments[0].Attention == nil || w.o.Status != order.Cancelling {
			t.Errorf("the order is %s", w.o.Status)
		}
		for void == nil {
			void = w.next()
		}
		w.answer(void, payment.Released, nil)
		if w.o.Status != order.Cancelled || w.o.Payments[0].Attention != nil {
			t.Errorf("the order is %s", w.o.Status)
		}
	})
}

// A declined charge that could still be paid at the provider is voided, and a new payment waits for that.
func TestDeclinedIsVoided(t *testing.T) {
	t.Parallel()
	declined := []order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentDeclined}
	setup := func(t *testing.T) *walker {
		t.Helper()
		w := newWalker(t, payment.CaptureAutomatic)
		w.declinePayable(w.call(payment.OperationAuthorize))
		return w
	}
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.payAnotherWay()
		w.paysWithTheSecond()
		w.statuses(payment.Declined, payment.Confirmed)
		w.check(append(declined, order.PaymentRetried, order.PaymentProcessing, order.PaymentConfirmed)...)
	})
	t.Run("OKRetriedAtOnce", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.payAnotherWay()
		if !w.o.Payment().Waits {
			t.Error("it does not wait")
		}
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		w.paysWithTheSecond()
	})
	// DECLINED is final: what its customer has paid in another tab is refunded, and the new payment pays the order.
	t.Run("OKPaidElsewhere", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.payAnotherWay()
		w.answer(w.call(payment.OperationVoid), payment.Captured, nil)
		w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
		w.paysWithTheSecond()
		w.check(append(declined, order.PaymentRetried, order.RefundCreated, order.RefundSucceeded, order.PaymentProcessing, order.PaymentConfirmed)...)
	})
	t.Run("OKCannotBePaid", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.answer(w.call(payment.OperationAuthorize), payment.Refused, nil)
		if n := len(w.o.Payments[0].Attempts); n != 1 {
			t.Errorf("%d attempts", n)
		}
		w.payAnotherWay()
		w.paysWithTheSecond()
	})
	// A database of before has declined charges that nobody has voided; a look-up of one notices.
	t.Run("OKSeenLater", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.answer(w.call(payment.OperationAuthorize), payment.Refused, nil)
		w.o.RequestRecheck(w.cause(), w.o.Payments[0].ID)
		w.declinePayable(w.call(payment.OperationAuthorize))
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		if p := w.o.Payments[0]; p.Status != payment.Declined || p.Attention != nil {
			t.Errorf("it is %s, attention %v", p.Status, p.Attention)
		}
	})
}
