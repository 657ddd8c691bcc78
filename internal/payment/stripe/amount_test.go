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
		{money.New(17550, "HUF"), 17550},
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
			if refusal := b.Describe().Limits.Refusal(tt.amount); (refusal == "") != (tt.stripe != 0) {
				t.Errorf("the limits say %q", refusal)
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

// https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
func TestLimits(t *testing.T) {
	t.Parallel()
	limits := setup(t).Describe().Limits
	for currency, want := range map[string][2]string{
		"USD": {"0.50", "999999.99"}, "AED": {"2.00", "999999.99"}, "AUD": {"0.50", "999999.99"},
		"BRL": {"0.50", "999999.99"}, "CAD": {"0.50", "999999.99"}, "CHF": {"0.50", "999999.99"}, "CZK": {"15.00", "999999.99"},
		"DKK": {"2.50", "999999.99"}, "EUR": {"0.50", "999999.99"}, "GBP": {"0.30", "999999.99"}, "HKD": {"4.00", "999999.99"},
		"HUF": {"175.00", "9999999999.00"}, "INR": {"0.50", "9999999.99"}, "JPY": {"50", "9999999999"}, "MXN": {"10.00", "999999.99"},
		"MYR": {"2.00", "999999.99"}, "NOK": {"3.00", "999999.99"}, "NZD": {"0.50", "999999.99"}, "PLN": {"2.00", "999999.99"},
		"RON": {"2.00", "999999.99"}, "SEK": {"3.00", "999999.99"}, "SGD": {"0.50", "999999.99"}, "THB": {"10.00", "999999.99"},
		// Without a minimum of their own.
		"IDR": {"0.01", "9999999999.99"}, "COP": {"0.01", "9999999999.00"}, "LBP": {"0.01", "999999999999.00"}, "ILS": {"0.01", "999999.99"},
		"KRW": {"1", "99999999"}, "ISK": {"1", "999999"}, "UGX": {"1", "999999"}, "KWD": {"0.010", "99999.990"}, "MGA": {"1.00", "99999999.00"},
	} {
		of, taken := limits.Amounts(currency)
		first := max(of.Smallest, of.Multiple)
		if got := [2]string{money.New(first, currency).Decimal(), money.New(of.Largest, currency).Decimal()}; !taken || got != want {
			t.Errorf("%s: %v, want %v", currency, got, want)
		}
		for minor, want := range map[int64]bool{first: true, first - of.Multiple: false, of.Largest: true, of.Largest + of.Multiple: false} {
			if got := limits.Refusal(money.New(minor, currency)) == ""; got != want && minor > 0 {
				t.Errorf("%d %s is taken: %t", minor, currency, got)
			}
		}
	}
	for _, currency := range []string{"CLF", "IQD", "XXQ", ""} {
		if limits.TakesCurrency(currency) {
			t.Errorf("%q is taken", currency)
		}
	}
}
