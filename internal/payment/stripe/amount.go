package stripe

import (
	"fmt"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// We count in ISO 4217's minor units, Stripe in its own, which differ for a few currencies:
// https://docs.stripe.com/currencies. HUF and TWD, odd in Stripe's payouts, are usual in its charges.

// units says how Stripe writes a currency's amounts.
type units struct {
	// digits after the decimal point.
	digits int
	// multiple of which an amount has to be.
	multiple int64
}

// special are the currencies that do not have two digits and any amount at Stripe.
var special = map[string]units{
	"BIF": {0, 1}, "CLP": {0, 1}, "DJF": {0, 1}, "GNF": {0, 1}, "JPY": {0, 1}, "KMF": {0, 1}, "KRW": {0, 1}, "MGA": {0, 1},
	"PYG": {0, 1}, "RWF": {0, 1}, "VND": {0, 1}, "VUV": {0, 1}, "XAF": {0, 1}, "XOF": {0, 1}, "XPF": {0, 1},
	// Without a minor unit today, written with one for compatibility.
	"ISK": {2, 100}, "UGX": {2, 100},
	// Card networks take two of the three digits.
	"BHD": {3, 10}, "JOD": {3, 10}, "KWD": {3, 10}, "OMR": {3, 10}, "TND": {3, 10},
}

// unitsOf gives Stripe's and ISO's way to write the currency. A currency that has no minor unit of two digits and of
// which Stripe says nothing is refused: a guess would be wrong by a factor.
func unitsOf(currency string) (u units, iso int, ok bool) {
	iso, known := money.Digits(currency)
	if !known {
		return units{}, 0, false
	}
	if u, ok = special[currency]; ok {
		return u, iso, true
	}
	return units{2, 1}, iso, iso == 2
}

// toStripe converts exactly, or refuses with a *payment.DefiniteError.
func toStripe(a money.Amount) (int64, error) {
	u, iso, ok := unitsOf(a.Currency)
	if !ok {
		return 0, refuse(fmt.Sprintf("it is not known how Stripe writes amounts of %s", a.Currency))
	}
	minor, ok := rescale(a.Minor, iso, u.digits)
	if !ok || minor%u.multiple != 0 {
		return 0, refuse(fmt.Sprintf("Stripe cannot take exactly %s", a))
	}
	return minor, nil
}

// fromStripe converts an amount of Stripe's to ISO's minor units, exactly, or gives an *UndecidedError.
func fromStripe(minor int64, currency string) (int64, error) {
	u, iso, ok := unitsOf(currency)
	if !ok {
		return 0, undecided(fmt.Sprintf("it is not known how Stripe writes amounts of %s", currency))
	}
	converted, ok := rescale(minor, u.digits, iso)
	if !ok {
		return 0, undecided(fmt.Sprintf("Stripe's amount has more digits than %s", currency))
	}
	return converted, nil
}

// rescale changes the number of digits after the decimal point; false when that loses a digit or overflows.
func rescale(n int64, from, to int) (int64, bool) {
	for ; from < to; from++ {
		if n*10/10 != n {
			return 0, false
		}
		n *= 10
	}
	for ; from > to; from-- {
		if n%10 != 0 {
			return 0, false
		}
		n /= 10
	}
	return n, true
}

// smallest are the smallest payments in Stripe's units. Stripe's minimum goes by the currency that the account is paid out in, so these hold
// for payments in that currency. A payment that Stripe converts must come to the minimum of that currency after conversion, which is not
// known here: Stripe still declines some that are allowed here. Currencies that are not listed have no minimum of their own.
// https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
var smallest = map[string]int64{
	"AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500,
	"INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}

// largestPayment in Stripe's units is eight digits, and more in the currencies of larger: by the same page, 12 digits for IDR and 9 for INR,
// and for cards 9,999,999,999 COP, HUF and JPY and 999,999,999,999 LBP. Card networks may take less.
const largestPayment = 99_999_999

var larger = map[string]int64{
	"IDR": 999_999_999_999, "INR": 999_999_999, "COP": 999_999_999_900, "HUF": 999_999_999_900, "JPY": 9_999_999_999, "LBP": 99_999_999_999_900,
}

// amounts are those that Stripe takes in a currency, as far as that does not depend on the account.
func amounts(currency string) (payment.Amounts, bool) {
	u, _, ok := unitsOf(currency)
	if !ok {
		return payment.Amounts{}, false
	}
	largest, ok := larger[currency]
	if !ok {
		largest = largestPayment
	}
	largest, err := fromStripe(largest-largest%u.multiple, currency)
	if err != nil {
		return payment.Amounts{}, false
	}
	multiple := int64(1)
	for {
		if _, err := toStripe(money.New(multiple, currency)); err == nil {
			// A currency with a minimum has the same minor unit here and at Stripe.
			return payment.Amounts{Smallest: smallest[currency], Largest: largest, Multiple: multiple}, true
		}
		multiple *= 10
	}
}
