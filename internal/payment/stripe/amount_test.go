package stripe_test

import (
	"math"
	"testing"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// https://docs.stripe.com/currencies, special cases included.
func TestAmounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		amount money.Amount
		stripe int64 // 0: refused
	}{
		{money.New(1250, "EUR"), 1250},
		{money.New(50, "EUR"), 50}, // the least, of accounts that settle in EUR
		{money.New(49, "EUR"), 0},
		{money.New(99_999_999, "EUR"), 99_999_999}, // eight digits
		{money.New(100_000_000, "EUR"), 0},
		{money.New(999_999_999_999, "IDR"), 999_999_999_999},
		{money.New(1_000_000_000_000, "IDR"), 0},
		{money.New(math.MaxInt64, "EUR"), 0},
		{money.New(1250, "JPY"), 1250},
		{money.New(1250, "HUF"), 1250},
		{money.New(1255, "TWD"), 1255},
		{money.New(5, "ISK"), 500},
		{money.New(5, "UGX"), 500},
		{money.New(math.MaxInt64/10, "ISK"), 0},
		{money.New(500, "MGA"), 5}, // ISO counts iraimbilanja, Stripe whole ariary
		{money.New(520, "MGA"), 0},
		{money.New(5120, "KWD"), 5120},
		{money.New(5124, "KWD"), 0},
		{money.New(10, "CLF"), 0},
		{money.New(1000, "IQD"), 0},
		{money.New(10, "XXQ"), 0},
	} {
		t.Run(tt.amount.String(), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			// What the provider's limits let pass is at most too small, which depends on the account.
			tooSmall := tt.amount.Minor < 50
			if taken := b.Describe().Limits.TakesAmount(tt.amount); taken != (tt.stripe != 0) && !tooSmall {
				t.Errorf("the limits say %v", taken)
			}
			call := authorization(fakestripe.Visa, payment.CaptureAutomatic)
			call.Amount = tt.amount
			if tt.stripe == 0 {
				expectDefinite(t)(b.Authorize(t.Context(), call))
				return
			}
			call = b.authorize(t, call, payment.Captured)
			if i := b.ledger(t, call.Reference); i.Amount != tt.stripe {
				t.Errorf("Stripe got %d", i.Amount)
			}
			expect(t, payment.Refunded)(b.Refund(t.Context(), follow(call, payment.OperationRefund)))
			r := expect(t, payment.Captured)(b.LookUp(t.Context(), call))
			if want := (payment.Totals{Captured: tt.amount.Minor, Refunded: tt.amount.Minor}); r.Charge.Totals != want {
				t.Errorf("totals %+v, want %+v", r.Charge, want)
			}
		})
	}
}
