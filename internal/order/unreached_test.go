package order_test

import (
	"slices"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// errsUnreached are errors after which no call that could take money has reached the provider.
var errsUnreached = map[string]error{
	"NotSent":       &payment.NotSentError{Message: "refused"},
	"Unmoved":       &payment.UnmovedError{Message: "no answer"},
	"NotConfigured": &payment.NotConfiguredError{Provider: "test"},
}

// A payment that the provider cannot have charged does not keep its customer: the order is paid again at once, and gets another ORDER_EXPIRY
// if its own has passed meanwhile.
func TestRetryOfUnreached(t *testing.T) {
	t.Parallel()
	for name, err := range errsUnreached {
		for when, wait := range map[string]time.Duration{"BeforeExpiry": time.Minute, "AfterExpiry": 24 * time.Hour} {
			t.Run("OK"+name+when, func(t *testing.T) {
				t.Parallel()
				w := newWalker(t, payment.CaptureAutomatic)
				expires := *w.o.ExpiresAt
				w.answer(w.call(payment.OperationAuthorize), "", err)
				w.now = w.now.Add(wait)
				w.offers(order.OptionCancel, order.OptionRetryPayment)
				w.retry()
				w.check(created, processing, voided, order.PaymentRetried)
				if wait > w.policy.Expiry {
					expires = w.now.Add(w.policy.Expiry)
				}
				if w.o.ExpiresAt == nil || !w.o.ExpiresAt.Equal(expires) {
					t.Errorf("it expires at %v, want %v", w.o.ExpiresAt, expires)
				}
				w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
				w.check(created, processing, voided, order.PaymentRetried, processing, confirmed)
				if old := w.o.Payments[0]; old.Status != payment.Voided || old.DueAt() != nil || w.o.Payment().Status != payment.Confirmed {
					t.Errorf("%+v", w.o.Payments)
				}
			})
		}
	}
	// A worker died during a call that could not take money, and the next call had no answer either.
	t.Run("OKAfterKill", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.call(payment.OperationAuthorize)
		if w.o.CanRetry() {
			t.Error("a payment whose call is under way can be replaced")
		}
		w.answer(w.call(payment.OperationAuthorize), "", errsUnreached["Unmoved"])
		w.retry()
		w.check(created, processing, voided, order.PaymentRetried)
	})
	// A recheck was asked for during a call that turned out not to have been made: there is nothing to look up.
	t.Run("OKRecheckDuringTheCall", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		work := w.call(payment.OperationAuthorize)
		w.recheck()
		w.answer(work, "", errsUnreached["NotSent"])
		w.quiet()
		w.retry()
		w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
		w.check(created, processing, voided, order.PaymentRetried, processing, confirmed)
	})
	t.Run("ErrMayHaveCharged", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureAutomatic)
		w.answer(w.call(payment.OperationAuthorize), "", errTimeout)
		w.answer(w.call(payment.OperationAuthorize), "", errsUnreached["NotSent"])
		w.offers(order.OptionCancel)
	})
}

// A provider that takes money after all, of a payment that was released because nothing had reached it, is found by the next look-up.
func TestMoneyOfUnreached(t *testing.T) {
	t.Parallel()
	for name, err := range errsUnreached {
		t.Run("OK"+name, func(t *testing.T) {
			t.Parallel()
			w := newWalker(t, payment.CaptureAutomatic)
			w.answer(w.call(payment.OperationAuthorize), "", err)
			w.cancel()
			w.look(payment.Result{Outcome: payment.Captured, Charge: books(1000, 0)}, nil)
			w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
			w.check(created, processing, cancelling, voided, cancelled, order.RefundCreated, order.RefundSucceeded)
		})
	}
}

// retry pays the order again.
func (w *walker) retry() {
	w.Helper()
	if !w.o.CanRetry() {
		w.Fatalf("no new payment may be made: %+v", w.o.State)
	}
	if _, err := w.o.Retry(w.cause(), w.policy, order.PaymentMethod{Provider: "test", Capture: payment.CaptureAutomatic}); err != nil {
		w.Fatal(err)
	}
}

// offers wants these actions for the customer.
func (w *walker) offers(want ...order.Option) {
	w.Helper()
	customer := auth.Principal{CustomerID: w.o.CustomerID, Role: auth.RoleCustomer}
	if got := w.o.Options(customer, w.policy); !slices.Equal(got, want) {
		w.Errorf("offered is %v, want %v", got, want)
	}
}
