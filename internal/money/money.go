// Package money computes with exact amounts: whole minor units of one ISO 4217 currency, never floating point.
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bojanz/currency"
)

// ErrOverflow means that a result does not fit 64 bits of minor units.
var ErrOverflow = errors.New("amount out of range")

// CurrencyMismatchError means that two amounts of different currencies were to be combined or compared.
type CurrencyMismatchError struct {
	A, B string
}

func (e *CurrencyMismatchError) Error() string {
	return fmt.Sprintf("currencies differ: %s and %s", e.A, e.B)
}

// Amount is Minor units of Currency: {1230, "EUR"} is 12.30 €, {1230, "JPY"} is 1230 ¥, {1230, "KWD"} is 1.230 dinars.
// Negative amounts are allowed. The zero Amount has no currency; Zero makes one that has.
type Amount struct {
	// Minor is in the currency's smallest unit: cents for EUR, yen for JPY, fils (1/1000) for KWD.
	Minor int64 `json:"minor"`
	// Currency is an ISO 4217 code in upper case.
	Currency string `json:"currency"`
}

// New is an amount of minor units.
func New(minor int64, currencyCode string) Amount {
	return Amount{Minor: minor, Currency: currencyCode}
}

// Zero is nothing, in a currency.
func Zero(currencyCode string) Amount {
	return Amount{Currency: currencyCode}
}

// Valid tells whether code is an ISO 4217 currency code in upper case that is in use.
func Valid(code string) bool {
	return code != "" && currency.IsValid(code) // bojanz/currency takes the empty code for valid
}

// Digits returns the number of decimal digits of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD. For a code that is not Valid it
// returns 0 and false.
func Digits(code string) (digits int, ok bool) {
	d, ok := currency.GetDigits(code)
	return int(d), ok
}

// Decimal is the amount in major units, exact, with all digits of the currency and a point: "12.30", "1230" for JPY,
// "-0.05". No grouping, no symbol. An unknown currency is written as if it had no minor unit.
func (a Amount) Decimal() string {
	digits, _ := Digits(a.Currency)
	if digits == 0 {
		return strconv.FormatInt(a.Minor, 10)
	}
	sign, magnitude := "", uint64(a.Minor)
	if a.Minor < 0 {
		sign, magnitude = "-", -magnitude // exact for the smallest int64 too, which has no positive counterpart
	}
	s := strconv.FormatUint(magnitude, 10)
	if missing := digits + 1 - len(s); missing > 0 {
		s = strings.Repeat("0", missing) + s
	}
	point := len(s) - digits
	return sign + s[:point] + "." + s[point:]
}

// String is for logs and test failures: "12.30 EUR".
func (a Amount) String() string { return a.Decimal() + " " + a.Currency }

// IsZero tells whether there are no minor units, whatever the currency.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// IsPositive tells whether the amount is above zero.
func (a Amount) IsPositive() bool { return a.Minor > 0 }

// Add is a + b. It fails with ErrOverflow or *CurrencyMismatchError.
func (a Amount) Add(b Amount) (Amount, error) {
	if err := sameCurrency(a, b); err != nil {
		return Amount{}, err
	}
	sum := a.Minor + b.Minor
	if (sum > a.Minor) != (b.Minor > 0) && b.Minor != 0 {
		return Amount{}, fmt.Errorf("%v + %v: %w", a, b, ErrOverflow)
	}
	return Amount{Minor: sum, Currency: a.Currency}, nil
}

// Sub is a − b. It fails with ErrOverflow or *CurrencyMismatchError.
func (a Amount) Sub(b Amount) (Amount, error) {
	if err := sameCurrency(a, b); err != nil {
		return Amount{}, err
	}
	difference := a.Minor - b.Minor
	if (difference < a.Minor) != (b.Minor > 0) && b.Minor != 0 {
		return Amount{}, fmt.Errorf("%v - %v: %w", a, b, ErrOverflow)
	}
	return Amount{Minor: difference, Currency: a.Currency}, nil
}

// Mul is quantity times a. It fails with ErrOverflow.
func (a Amount) Mul(quantity int) (Amount, error) {
	n := int64(quantity)
	product := a.Minor * n
	// Division undoes a product that did not overflow; the smallest int64 times −1 is the one it cannot tell.
	if n != 0 && (product/n != a.Minor || (n == -1 && a.Minor == math.MinInt64)) {
		return Amount{}, fmt.Errorf("%d × %v: %w", quantity, a, ErrOverflow)
	}
	return Amount{Minor: product, Currency: a.Currency}, nil
}

// Cmp is -1, 0 or 1 as a is below, equal to or above b. It fails with *CurrencyMismatchError.
func (a Amount) Cmp(b Amount) (int, error) {
	if err := sameCurrency(a, b); err != nil {
		return 0, err
	}
	switch {
	case a.Minor < b.Minor:
		return -1, nil
	case a.Minor > b.Minor:
		return 1, nil
	default:
		return 0, nil
	}
}

func sameCurrency(a, b Amount) error {
	if a.Currency != b.Currency {
		return &CurrencyMismatchError{A: a.Currency, B: b.Currency}
	}
	return nil
}
