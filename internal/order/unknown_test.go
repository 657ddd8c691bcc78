package order_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// unknown values come from a later version, or from a mistake of ours.
var unknown = []string{"", "mark_captured", "MARK_CAPTURED ", "captured", "FROZEN"}

// TestUnknownResolution: it changes nothing, whatever the payment is in.
func TestUnknownResolution(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*walker){
		"Initializing": func(*walker) {},
		"Attention":    func(w *walker) { w.capped(payment.OperationAuthorize) },
		"Confirmed":    func(w *walker) { w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil) },
		"Held":         func(w *walker) { w.answer(w.call(payment.OperationAuthorize), payment.Held, nil) },
	} {
		w := newWalker(t, payment.CaptureManual)
		before(w)
		was := w.o.Clone()
		for _, resolution := range unknown {
			if err := w.o.Resolve(w.cause(), w.policy, w.o.Payments[0].ID, payment.Resolution(resolution)); err == nil {
				t.Errorf("%s: %q is a resolution", name, resolution)
			}
		}
		if !reflect.DeepEqual(w.o.Clone(), was) {
			t.Errorf("%s: changed to %+v", name, w.o)
		}
	}
}

// TestUnknownAnswer: an answer that nobody knows, or that answers something else, moves no money in our books: the attempt stays
// open, and after eight calls a person is asked.
func TestUnknownAnswer(t *testing.T) {
	t.Parallel()
	for operation, before := range map[payment.Operation]func(*walker){
		payment.OperationAuthorize: func(*walker) {},
		payment.OperationCapture: func(w *walker) {
			w.answer(w.call(payment.OperationAuthorize), payment.Held, nil)
			w.capture()
		},
		payment.OperationVoid: func(w *walker) {
			w.answer(w.call(payment.OperationAuthorize), payment.Held, nil)
			w.void()
		},
		payment.OperationRefund: func(w *walker) {
			w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
			if _, err := w.o.Refund(w.cause(), 400, nil, nil); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, outcome := range unknown {
			w := newWalker(t, payment.CaptureManual)
			w.policy.DeliveryDelay = 1000 * time.Hour
			before(w)
			work := w.call(operation)
			type books struct {
				order                       order.Status
				payment                     payment.Status
				captured, refunded, pending int64
			}
			read := func() books {
				return books{w.o.Status, w.o.Payment().Status, w.o.Captured, w.o.Refunded, w.o.RefundPending}
			}
			were, attempts := read(), len(attemptsOf(w.o))
			for w.o.Payment().Attention == nil {
				w.answer(work, payment.Outcome(outcome), nil)
				work = w.call(operation)
			}
			if now := read(); now != were || len(attemptsOf(w.o)) != attempts || !attemptsOf(w.o)[attempts-1].Open() {
				t.Errorf("%s answered with %q: %+v became %+v, %d attempts", operation, outcome, were, now, len(attemptsOf(w.o)))
			}
		}
	}
}

// TestUnknownInput is refused before anything is read or written.
func TestUnknownInput(t *testing.T) {
	t.Parallel()
	service := order.NewService(nil, nil, nil, order.Policy{}, order.SystemClock)
	staff := auth.Principal{CustomerID: id.New[id.Customer](), Role: auth.RoleStaff, Issuer: "test", Subject: "sue"}
	for _, word := range unknown {
		if _, err := service.Resolve(t.Context(), staff, order.ResolveInput{Resolution: payment.Resolution(word), Note: "note"}); err == nil || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("%q is a resolution: %v", word, err)
		}
		if word == "" {
			continue // no capture method is the default one, no outcome asks the provider
		}
		if _, err := service.CompleteAction(t.Context(), staff, order.CompleteActionInput{Outcome: order.ActionOutcome(word)}); err == nil || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("%q is an action's outcome: %v", word, err)
		}
		if _, err := service.Create(t.Context(), staff, order.CreateInput{Capture: payment.CaptureMethod(word)}); err == nil || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("%q is a capture method: %v", word, err)
		}
	}
}
