package order_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// keyLife is that of the walker's provider: calls without an answer are repeated for 20 minutes.
const keyLife = 80 * time.Minute

// walker is one order whose time only moves when told, with the calls that come due.
type walker struct {
	testing.TB
	o      *order.Order
	policy order.Policy
	now    time.Time
}

func newWalker(t testing.TB, capture payment.CaptureMethod) *walker {
	t.Helper()
	w := &walker{
		TB: t, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		policy: order.Policy{
			StepDelay: time.Second, DeliveryDelay: time.Minute, Expiry: 12 * time.Hour, AuthorizationExpiry: 24 * time.Hour,
			KeyLife: func(string) time.Duration { return keyLife },
		},
	}
	price := money.New(1000, "EUR")
	w.o = order.New(w.cause(), w.policy, order.Draft{
		Head:   order.Head{CustomerID: id.New[id.Customer](), Total: price, Lines: []order.Line{{ProductID: id.New[id.Product](), Name: "Mug", Quantity: 1, UnitPrice: price, Total: price}}},
		Method: order.PaymentMethod{Provider: "test", Capture: capture},
	})
	return w
}

func (w *walker) cause() order.Cause { return order.Cause{Now: w.now} }

// next moves on to the order's next timer and returns the call that is due then, or nil.
func (w *walker) next() *payment.Work {
	w.Helper()
	due := w.o.DueAt()
	if due == nil {
		w.Fatal("nothing is due any more")
	}
	if due.After(w.now) {
		w.now = *due
	}
	work, err := w.o.Advance(w.cause(), w.policy)
	if err != nil {
		w.Fatal(err)
	}
	return work
}

// call is next until a call is due, which must be of the operation.
func (w *walker) call(want payment.Operation) *payment.Work {
	w.Helper()
	for range 5 {
		if work := w.next(); work != nil {
			if work.Call.Operation != want {
				w.Fatalf("due is %s, want %s", work.Call.Operation, want)
			}
			return work
		}
	}
	w.Fatalf("no %s became due", want)
	return nil
}

func (w *walker) answer(work *payment.Work, outcome payment.Outcome, err error) {
	w.Helper()
	if err := w.o.Settle(w.cause(), w.policy, work, payment.Result{Outcome: outcome, Code: "code"}, err); err != nil {
		w.Fatal(err)
	}
}

func (w *walker) cancel() {
	w.Helper()
	if err := w.o.Cancel(w.cause(), order.CancelledByCustomer); err != nil {
		w.Fatal(err)
	}
}

// check wants the events so far, and an order that adds up.
func (w *walker) check(want ...order.EventType) {
	w.Helper()
	var got []order.EventType
	for i, e := range w.o.Events() {
		got = append(got, e.Type)
		if e.Version != i+1 || e.Order.Version != i+1 {
			w.Errorf("event %d has version %d and a state of version %d", i, e.Version, e.Order.Version)
		}
	}
	if !slices.Equal(got, want) {
		w.Errorf("events\n got %v\nwant %v", got, want)
	}
	pending := int64(0)
	for _, r := range w.o.Refunds() {
		if r.Status == payment.RefundPending {
			pending += r.Amount.Minor
		}
	}
	if w.o.RefundPending != pending || w.o.Refunded+pending > w.o.Captured {
		w.Errorf("captured %d, refunded %d, pending %d, of refunds %d", w.o.Captured, w.o.Refunded, w.o.RefundPending, pending)
	}
	for _, e := range w.o.Events() {
		if s := &e.Order.State; s.Status == order.Cancelled && s.Refunded+s.RefundPending != s.Captured {
			w.Errorf("version %d is cancelled with %d of %d refunded, %d pending", e.Version, s.Refunded, s.Captured, s.RefundPending)
		}
	}
	if w.o.Status == order.Cancelled && w.o.RefundPending == 0 && w.o.DueAt() != nil {
		w.Errorf("cancelled and due %v", w.o.DueAt())
	}
}

var errTimeout = errors.New("timeout")

const (
	created, processing, confirmed = order.OrderCreated, order.PaymentProcessing, order.PaymentConfirmed
	cancelling, cancelled, voided  = order.OrderCancelling, order.OrderCancelled, order.PaymentVoided
)

// An operation without an answer is repeated with its key for as long as the key lives, at least once a minute, and nobody is asked. The
// order does not expire meanwhile.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	began := w.now
	expires := began.Add(10 * time.Minute)
	w.o.ExpiresAt = &expires
	work := w.call(payment.OperationAuthorize)
	key := work.Call.Key
	if work.LookUpFirst {
		t.Error("the first call looks up")
	}
	calls := 1
	for ; ; calls++ {
		before := w.now
		w.answer(work, "", errTimeout)
		if w.o.Payment().Attention != nil {
			break
		}
		if p := w.o.Payment(); p.Status != payment.Processing || p.Attention != nil {
			t.Fatalf("after %d calls: %s, attention %v", calls, p.Status, p.Attention)
		}
		work = w.call(payment.OperationAuthorize)
		if work.Call.Key != key || !work.LookUpFirst || work.LookUpOnly || !w.now.After(before) || w.now.Sub(before) > time.Minute {
			t.Fatalf("call %d: %+v at %v", calls+1, work, w.now)
		}
	}
	if lived := w.now.Sub(began); lived < keyLife-time.Hour-2*time.Minute || lived > keyLife-time.Hour+time.Second || w.o.Status != order.Created {
		t.Errorf("it was called for %s, and the order is %s", lived, w.o.Status)
	}
	w.o.ExpiresAt = nil
	// From then on it is only looked up, minutes apart, and what is not known is not called again.
	for _, answer := range []payment.Outcome{"", payment.NotFound, ""} {
		before := w.now
		if p := w.o.Payment(); p.Attention == nil || *p.Attention != payment.UnknownOutcome || attemptsOf(w.o)[0].Calls != calls {
			t.Fatalf("at the key's end: %+v, %+v", p, attemptsOf(w.o))
		}
		work = w.call(payment.OperationAuthorize)
		if work.Call.Key != key || !work.LookUpOnly || w.now.Sub(before) < 3*time.Minute {
			t.Fatalf("at the key's end: %+v after %v", work, w.now.Sub(before))
		}
		if answer == "" {
			w.answer(work, "", errTimeout)
		} else {
			w.answer(work, answer, nil)
		}
	}
	w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
	if p := w.o.Payment(); p.Attention != nil || len(attemptsOf(w.o)) != 1 || attemptsOf(w.o)[0].Calls != calls {
		t.Errorf("%+v, %+v", p, attemptsOf(w.o))
	}
	w.check(created, processing, order.PaymentNeedsAttention, confirmed)
}

// At its key's end, what an accepted cancel needs is called once more whenever the provider has never seen it; so an outage of any
// length ends in CANCELLED by itself.
func TestCancelOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	t.Run("OKAuthorize", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureManual)
		w.answer(w.call(payment.OperationAuthorize), "", errTimeout)
		w.cancel() // what had no answer is not repeated
		w.answer(w.call(payment.OperationVoid), payment.Released, nil)
		if w.o.Status != order.Cancelled || w.o.Payment().Attention != nil {
			t.Errorf("%+v", w.o.State)
		}
	})
	for name, operation := range map[string]payment.Operation{"OKVoid": payment.OperationVoid, "OKRefund": payment.OperationRefund} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalker(t, payment.CaptureManual)
			done := payment.Released
			if operation == payment.OperationVoid {
				w.answer(w.call(payment.OperationAuthorize), payment.Held, nil)
			} else {
				w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
				done = payment.Refunded
			}
			w.cancel()
			key := w.capped(operation).Call.Key
			for range 3 {
				before := w.now
				look := w.call(operation)
				if !look.LookUpOnly || w.now.Sub(before) < 3*time.Minute {
					t.Fatalf("%+v after %v", look, w.now.Sub(before))
				}
				w.answer(look, payment.NotFound, nil)
				again := w.call(operation)
				if again.LookUpOnly || again.Call.Key != key {
					t.Fatalf("%+v", again)
				}
				w.answer(again, "", errTimeout)
			}
			w.answer(w.call(operation), payment.NotFound, nil)
			w.answer(w.call(operation), done, nil)
			if w.o.Status != order.Cancelled || w.o.Payment().Attention != nil {
				t.Errorf("%+v", w.o.State)
			}
		})
	}
}

func TestAnswerTwice(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	work := w.call(payment.OperationAuthorize)
	w.answer(work, payment.Captured, nil)
	w.answer(work, payment.Captured, nil)
	w.answer(work, payment.Refused, nil)
	w.check(created, processing, confirmed)
}

// A cancel while the charge is under way waits for its outcome, whatever that is.
func TestCancelDuringCharge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		outcome payment.Outcome
		then    func(*walker)
		want    []order.EventType
	}{
		"OKCaptured": {
			payment.Captured, func(w *walker) { w.answer(w.call(payment.OperationRefund), payment.Refunded, nil) },
			[]order.EventType{confirmed, order.RefundCreated, order.RefundSucceeded, cancelled},
		},
		"OKHeld": {
			payment.Held, func(w *walker) { w.answer(w.call(payment.OperationVoid), payment.Released, nil) },
			[]order.EventType{order.PaymentAuthorized, voided, cancelled},
		},
		"OKRefused": {payment.Refused, func(*walker) {}, []order.EventType{order.PaymentDeclined, cancelled}},
		"OKActionRequired": {
			payment.ActionRequired, func(w *walker) { w.answer(w.call(payment.OperationVoid), payment.Released, nil) },
			[]order.EventType{order.PaymentActionRequired, voided, cancelled},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalker(t, payment.CaptureAutomatic)
			work := w.call(payment.OperationAuthorize)
			w.cancel()
			w.check(created, processing, cancelling)
			w.answer(work, tt.outcome, nil)
			tt.then(w)
			w.check(append([]order.EventType{created, processing, cancelling}, tt.want...)...)
		})
	}
}

// A refund that the provider refuses while cancelling is tried again, later and later, under another key: one refund with many attempts.
// Staff are told in the end.
func TestRefusedRefundIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
	w.cancel()
	want := []order.EventType{created, processing, confirmed, cancelling, order.RefundCreated}
	keys := map[any]bool{}
	for range 3 {
		before := w.now
		work := w.call(payment.OperationRefund)
		keys[work.Call.Key] = true
		w.answer(work, payment.Refused, nil)
		if due := w.o.DueAt(); w.o.Status != order.Cancelling || due == nil || !due.After(before) {
			t.Fatalf("%s, due %v", w.o.Status, due)
		}
	}
	if len(keys) != 3 {
		t.Errorf("%d keys for 3 tries", len(keys))
	}
	if refunds := w.o.Refunds(); len(refunds) != 1 || refunds[0].Origin != payment.RefundOfCancel {
		t.Errorf("%+v", refunds)
	}
	// No answer is no failure: the same refund is looked up and repeated with its key.
	work := w.call(payment.OperationRefund)
	w.answer(work, "", errTimeout)
	again := w.call(payment.OperationRefund)
	if again.Call.Key != work.Call.Key || !again.LookUpFirst {
		t.Errorf("after no answer: %+v", again)
	}
	w.answer(again, payment.Refunded, nil)
	w.check(append(want, order.RefundSucceeded, cancelled)...)
}

func TestVoidRefusedAndVoidTooLate(t *testing.T) {
	t.Parallel()
	t.Run("OKRefusedIsTriedAnew", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureManual)
		w.answer(w.call(payment.OperationAuthorize), payment.Held, nil)
		w.cancel()
		first := w.call(payment.OperationVoid)
		w.answer(first, "", &payment.DefiniteError{Message: "not now"})
		second := w.call(payment.OperationVoid)
		if second.Call.Key == first.Call.Key {
			t.Error("a definite failure is repeated with the same key")
		}
		w.answer(second, payment.Released, nil)
		w.check(created, processing, order.PaymentAuthorized, cancelling, voided, cancelled)
	})
	t.Run("OKCapturedMeanwhileIsRefunded", func(t *testing.T) {
		t.Parallel()
		w := newWalker(t, payment.CaptureManual)
		w.answer(w.call(payment.OperationAuthorize), payment.Held, nil)
		w.cancel()
		w.answer(w.call(payment.OperationVoid), payment.Captured, nil)
		w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
		w.check(created, processing, order.PaymentAuthorized, cancelling, confirmed, order.RefundCreated, order.RefundSucceeded, cancelled)
	})
}

func TestExpiryOfHoldGivesTheOrderTimeAgain(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureManual)
	w.answer(w.call(payment.OperationAuthorize), payment.Held, nil)
	if w.o.ExpiresAt != nil {
		t.Error("an authorized order expires")
	}
	w.answer(w.call(payment.OperationVoid), payment.Released, nil)
	w.check(created, processing, order.PaymentAuthorized, order.PaymentExpired)
	if w.o.Status != order.Created || !w.o.CanRetry() || w.o.ExpiresAt == nil {
		t.Errorf("%+v", w.o.State)
	}
	w.next()
	w.check(created, processing, order.PaymentAuthorized, order.PaymentExpired, cancelling, cancelled)
}

// Where staff deliver, no timer is set, and one that a replica with another setting has set ends without delivering.
func TestManualDelivery(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	w.policy.ManualDelivery = true
	w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
	if due := w.o.DueAt(); w.o.Status != order.Confirmed || w.o.DeliversAt != nil || due != nil {
		t.Fatalf("%s is delivered at %v, due at %v", w.o.Status, w.o.DeliversAt, due)
	}
	later := w.now.Add(w.policy.DeliveryDelay)
	w.o.DeliversAt = &later
	w.next()
	w.check(created, processing, confirmed)
	if due := w.o.DueAt(); w.o.Status != order.Confirmed || w.o.DeliversAt != nil || due != nil {
		t.Fatalf("after another replica's timer %s is delivered at %v, due at %v", w.o.Status, w.o.DeliversAt, due)
	}
	if err := w.o.Deliver(w.cause()); err != nil || w.o.Status != order.Delivered {
		t.Errorf("staff: %s, %v", w.o.Status, err)
	}
}

func TestDeliveredCannotBeCancelled(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
	w.next()
	w.check(created, processing, confirmed, order.OrderDelivered)
	if err := w.o.Cancel(w.cause(), order.CancelledByStaff); err == nil || w.o.Status != order.Delivered {
		t.Errorf("%v, %s", err, w.o.Status)
	}
	if err := w.o.Deliver(w.cause()); err != nil || len(w.o.Events()) != 4 {
		t.Errorf("delivering again: %v, %d events", err, len(w.o.Events()))
	}
	if due := w.o.DueAt(); due != nil {
		t.Errorf("due at %v", due)
	}
}
