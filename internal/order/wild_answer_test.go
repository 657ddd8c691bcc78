package order_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// TestSettleBoundsWhatProvidersSay answers with texts that nobody has cut, and with bytes that no database takes as text.
func TestSettleBoundsWhatProvidersSay(t *testing.T) {
	t.Parallel()
	wild := strings.Repeat("𝕏\x00\xff", 50_000)
	bounded := func(t *testing.T, s string, most int) {
		t.Helper()
		if n := utf8.RuneCountInString(s); n == 0 || n > most || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			t.Errorf("%d characters of at most %d are stored, valid UTF-8: %t", n, most, utf8.ValidString(s))
		}
	}
	settle := func(t *testing.T, result payment.Result, err error) *walker {
		t.Helper()
		w := newWalker(t, payment.CaptureAutomatic)
		if err := w.o.Settle(w.cause(), w.policy, w.call(payment.OperationAuthorize), result, err); err != nil {
			t.Fatal(err)
		}
		return w
	}
	t.Run("Code", func(t *testing.T) {
		t.Parallel()
		w := settle(t, payment.Result{Outcome: payment.Refused, Code: wild}, nil)
		w.check(order.OrderCreated, order.PaymentProcessing, order.PaymentDeclined)
		bounded(t, *w.o.Payment().DeclineCode, payment.MaxCode)
		bounded(t, attemptsOf(w.o)[0].Message, payment.MaxMessage)
	})
	t.Run("Messages", func(t *testing.T) {
		t.Parallel()
		w := settle(t, payment.Result{}, &payment.DefiniteError{Message: wild})
		w.check(order.OrderCreated, order.PaymentProcessing, order.PaymentDeclined)
		bounded(t, attemptsOf(w.o)[0].Message, payment.MaxMessage)
		w = settle(t, payment.Result{}, errors.New(wild))
		w.check(order.OrderCreated, order.PaymentProcessing)
		bounded(t, attemptsOf(w.o)[0].Message, payment.MaxMessage)
		w = settle(t, payment.Result{Outcome: payment.Outcome(wild)}, nil)
		bounded(t, attemptsOf(w.o)[0].Message, payment.MaxMessage)
	})
	t.Run("Charge", func(t *testing.T) {
		t.Parallel()
		seen := &payment.SeenCharge{Totals: payment.Totals{Captured: 1000}}
		for _, reference := range []string{"r", wild, "r\x00", ""} {
			seen.Refunds = append(seen.Refunds, payment.SeenRefund{Reference: reference, Minor: 1, Status: payment.RefundPending})
			seen.Disputes = append(seen.Disputes, payment.SeenDispute{Reference: reference, Minor: 1, Status: payment.DisputeWarning, Reason: wild})
		}
		ever := time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC)
		seen.Disputes = append(seen.Disputes,
			payment.SeenDispute{Reference: "much", Minor: math.MaxInt64, Status: payment.DisputeLost},
			payment.SeenDispute{Reference: "late", Minor: 1, Status: payment.DisputeLost, RespondBy: &ever})
		w := settle(t, payment.Result{Outcome: payment.Captured, Charge: seen}, nil)
		p := w.o.Payment()
		if len(p.Refunds) != 1 || len(p.Disputes) != 1 || p.Attention == nil || *p.Attention != payment.Mismatch || w.o.Disputed != 0 {
			t.Fatalf("%+v", p)
		}
		bounded(t, p.Disputes[0].Reason, payment.MaxCode)
		seen.Refunds[0].Status, seen.Refunds[0].Code = payment.RefundFailed, wild
		w.look(payment.Result{Outcome: payment.Captured, Charge: seen}, nil)
		for _, e := range w.o.Events() {
			if e.Data.Reason != nil {
				bounded(t, *e.Data.Reason, payment.MaxCode)
			}
		}
		if p.Refunds[0].Status != payment.RefundFailed {
			t.Errorf("%+v", p.Refunds)
		}
	})
	// Half a reference, address or secret would be another's or nobody's: nothing is known of what was done.
	for name, result := range map[string]payment.Result{
		"Reference":    {Outcome: payment.Captured, Reference: strings.Repeat("r", payment.MaxReference+1)},
		"URL":          {Outcome: payment.ActionRequired, Action: &payment.NextAction{Type: payment.ActionRedirect, URL: "https://bank.example/" + wild}},
		"ClientSecret": {Outcome: payment.ActionRequired, Action: &payment.NextAction{Type: payment.ActionClientSecret, ClientSecret: wild}},
	} {
		t.Run("Err"+name, func(t *testing.T) {
			t.Parallel()
			w := settle(t, result, nil)
			w.check(order.OrderCreated, order.PaymentProcessing)
			p, a := w.o.Payment(), attemptsOf(w.o)[0]
			if p.Reference != "" || p.NextAction != nil || a.Outcome == nil || *a.Outcome != payment.AttemptUnknown {
				t.Errorf("payment %+v, attempt %+v", p, a)
			}
			bounded(t, a.Message, payment.MaxMessage)
		})
	}
}
