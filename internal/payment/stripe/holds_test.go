package stripe_test

import (
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// A hold ends by itself after seven days: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method. A bank may end it before, and
// Stripe says so when it is captured: https://docs.stripe.com/error-codes#charge-expired-for-capture.
func TestHoldRunsOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end    func(f *fakestripe.Stripe, reference string)
		ranOut bool
	}{
		"OKByTime":      {func(f *fakestripe.Stripe, _ string) { f.Advance(7 * 24 * time.Hour) }, true},
		"OKByStripe":    {func(f *fakestripe.Stripe, reference string) { f.Expire(reference) }, true},
		"OKAtTheBank":   {func(f *fakestripe.Stripe, reference string) { f.ExpireAtBank(reference) }, true},
		"OKInDashboard": {func(f *fakestripe.Stripe, reference string) { f.CancelInDashboard(reference) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fake.Stop(time.Unix(1_800_000_000, 0))
			held := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureManual), payment.Held)
			b.fake.Advance(7*24*time.Hour - time.Second)
			expect(t, payment.Held)(b.LookUp(t.Context(), held))
			b.fake.Advance(-time.Hour)
			tt.end(b.fake, held.Reference)
			capture, void := follow(held, payment.OperationCapture), follow(held, payment.OperationVoid)
			var r payment.Result
			for n, ask := range []func() (payment.Result, error){
				func() (payment.Result, error) { return b.Capture(t.Context(), capture) },
				func() (payment.Result, error) { return b.Capture(t.Context(), capture) }, // a repeat
				func() (payment.Result, error) { return b.LookUp(t.Context(), capture) },
				func() (payment.Result, error) { return b.Void(t.Context(), void) },
				func() (payment.Result, error) { return b.LookUp(t.Context(), void) },
				func() (payment.Result, error) { return b.LookUp(t.Context(), held) },
			} {
				if r = expect(t, payment.Released)(ask()); r.RanOut != tt.ranOut {
					t.Errorf("question %d: ran out: %v", n, r.RanOut)
				}
			}
			wantTotals(t, r.Charge, 0, 0)
			if r.Charge.Capturable != 0 || len(r.Charge.Refunds) != 0 {
				t.Errorf("seen %+v", r.Charge)
			}
		})
	}
}

// https://docs.stripe.com/api/payment_intents/capture, https://docs.stripe.com/payments/overcapture
func TestCaptureOfAnAmount(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		minor    int64
		percent  int64
		captured bool
	}{
		"OKPart":      {700, 0, true},
		"ErrAbove":    {1251, 0, false},
		"OKWithin":    {1375, 10, true},
		"ErrTooMuch":  {1376, 10, false},
		"OKTheWhole":  {1250, 0, true},
		"OKOneCent":   {1, 0, true},
		"OKLessAbove": {1, 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fake.Overcapture(tt.percent)
			held := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureManual), payment.Held)
			capture := follow(held, payment.OperationCapture)
			capture.Amount = money.New(tt.minor, "EUR")
			if !tt.captured {
				expectDefinite(t)(b.Capture(t.Context(), capture))
				if c := b.charge(t, held); c.Capturable != 1250 {
					t.Errorf("seen %+v", c)
				}
				return
			}
			void := follow(held, payment.OperationVoid)
			whole := follow(held, payment.OperationCapture) // as the pipeline asks after somebody else has captured a part
			for n, ask := range []func() (payment.Result, error){
				func() (payment.Result, error) { return b.Capture(t.Context(), capture) },
				func() (payment.Result, error) { return b.LookUp(t.Context(), capture) },
				func() (payment.Result, error) { return b.Capture(t.Context(), whole) },
				func() (payment.Result, error) { return b.LookUp(t.Context(), whole) },
				func() (payment.Result, error) { return b.Void(t.Context(), void) },
				func() (payment.Result, error) { return b.LookUp(t.Context(), void) },
				func() (payment.Result, error) { return b.LookUp(t.Context(), held) },
			} {
				r := expect(t, payment.Captured)(ask())
				took := int64(1250)
				if n < 2 {
					took = tt.minor
				}
				if r.Captured != nil {
					took = *r.Captured
				}
				if took != tt.minor {
					t.Errorf("question %d: captured %d", n, took)
				}
			}
			c := b.charge(t, held)
			wantTotals(t, c, tt.minor, 0)
			if c.Capturable != 0 || len(c.Refunds) != 0 {
				t.Errorf("seen %+v", c)
			}
		})
	}
}

// A voucher waits for its customer for days: https://docs.stripe.com/payments/boleto.
func TestVoucher(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Unix(1_800_000_000, 0)
	b.fake.Stop(now)
	one, other := b.prepare(t, authorization(fakestripe.Voucher, payment.CaptureAutomatic)), b.prepare(t, authorization(fakestripe.Voucher, payment.CaptureAutomatic))
	for _, call := range []payment.Call{one, other} {
		for _, ask := range []func() (payment.Result, error){
			func() (payment.Result, error) { return b.Authorize(t.Context(), call) },
			func() (payment.Result, error) { return b.LookUp(t.Context(), call) },
		} {
			a := expect(t, payment.ActionRequired)(ask()).Action
			if a == nil || a.Type != payment.ActionRedirect || a.URL == "" || a.ExpiresAt == nil || !a.ExpiresAt.Equal(now.Add(3*24*time.Hour)) {
				t.Fatalf("action %+v", a)
			}
		}
	}
	b.fake.Advance(3*24*time.Hour - time.Second)
	if !b.fake.PayVoucher(one.Reference) {
		t.Fatal("it could not be paid")
	}
	expect(t, payment.Captured)(b.LookUp(t.Context(), one))
	b.fake.Advance(time.Second)
	if b.fake.PayVoucher(other.Reference) {
		t.Error("it could be paid too late")
	}
	if r := expect(t, payment.Refused)(b.LookUp(t.Context(), other)); r.Code != "payment_intent_payment_attempt_expired" {
		t.Errorf("code %q", r.Code)
	}
}
