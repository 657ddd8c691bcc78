package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/money"
)

func TestDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor    int64
		currency string
		want     string
	}{
		{1230, "EUR", "12.30"},
		{1230, "JPY", "1230"},
		{1234, "KWD", "1.234"},
		{0, "EUR", "0.00"},
		{0, "JPY", "0"},
		{0, "KWD", "0.000"},
		{5, "EUR", "0.05"},
		{-5, "EUR", "-0.05"},
		{-1230, "EUR", "-12.30"},
		{-1230, "JPY", "-1230"},
		{-7, "KWD", "-0.007"},
		{100, "USD", "1.00"},
		{math.MaxInt64, "EUR", "92233720368547758.07"},
		{math.MinInt64, "EUR", "-92233720368547758.08"},
		{math.MinInt64, "JPY", "-9223372036854775808"},
		{math.MinInt64, "KWD", "-9223372036854775.808"},
		{12, "???", "12"},
	} {
		if got := money.New(c.minor, c.currency).Decimal(); got != c.want {
			t.Errorf("%d %s = %q, want %q", c.minor, c.currency, got, c.want)
		}
	}
}

func TestDecimalIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "USD"}).Draw(t, "currency")
		minor := rapid.Int64().Draw(t, "minor")
		digits, _ := money.Digits(code)
		read, ok := new(big.Rat).SetString(money.New(minor, code).Decimal())
		if !ok {
			t.Fatalf("%q is no decimal", money.New(minor, code).Decimal())
		}
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
		want := new(big.Rat).SetFrac(big.NewInt(minor), scale)
		if read.Cmp(want) != 0 {
			t.Fatalf("%d %s is written %s", minor, code, read)
		}
	})
}

func TestValid(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"EUR": true, "JPY": true, "KWD": true, "USD": true,
		"": false, "eur": false, "EU": false, "EURO": false, "ZZZ": false, "€": false, " EUR": false,
	} {
		if got := money.Valid(code); got != want {
			t.Errorf("Valid(%q) = %v, want %v", code, got, want)
		}
		if _, ok := money.Digits(code); ok != want {
			t.Errorf("Digits(%q) knows it: %v, want %v", code, ok, want)
		}
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{"EUR": 2, "USD": 2, "JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3} {
		if got, ok := money.Digits(code); got != want || !ok {
			t.Errorf("Digits(%s) = %d, %v; want %d", code, got, ok, want)
		}
	}
}

// Every operation agrees with arbitrary-precision arithmetic, or says that the result does not fit.
func TestArithmeticAgreesWithBigIntegers(t *testing.T) {
	t.Parallel()
	edges := []int64{0, 1, -1, 2, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1, math.MaxInt32, math.MinInt32}
	number := rapid.OneOf(rapid.SampledFrom(edges), rapid.Int64())
	rapid.Check(t, func(t *rapid.T) {
		x, y := number.Draw(t, "x"), number.Draw(t, "y")
		a, b := money.New(x, "EUR"), money.New(y, "EUR")
		bx, by := big.NewInt(x), big.NewInt(y)

		got, err := a.Add(b)
		check(t, "add", got, err, new(big.Int).Add(bx, by))
		got, err = a.Sub(b)
		check(t, "sub", got, err, new(big.Int).Sub(bx, by))
		got, err = a.Mul(int(y))
		check(t, "mul", got, err, new(big.Int).Mul(bx, by))
		if cmp, err := a.Cmp(b); err != nil || cmp != bx.Cmp(by) {
			t.Fatalf("cmp(%d, %d) = %d, %v", x, y, cmp, err)
		}
	})
}

func check(t *rapid.T, operation string, got money.Amount, err error, want *big.Int) {
	t.Helper()
	if !want.IsInt64() {
		if !errors.Is(err, money.ErrOverflow) {
			t.Fatalf("%s: got %v, %v; want ErrOverflow", operation, got, err)
		}
		return
	}
	if err != nil || got != money.New(want.Int64(), "EUR") {
		t.Fatalf("%s: got %v, %v; want %s", operation, got, err, want)
	}
}

func TestErrOverflowAtTheEdges(t *testing.T) {
	t.Parallel()
	highest, lowest := money.New(math.MaxInt64, "JPY"), money.New(math.MinInt64, "JPY")
	one := money.New(1, "JPY")
	for name, operation := range map[string]func() (money.Amount, error){
		"highest + 1":        func() (money.Amount, error) { return highest.Add(one) },
		"lowest + lowest":    func() (money.Amount, error) { return lowest.Add(lowest) },
		"lowest - 1":         func() (money.Amount, error) { return lowest.Sub(one) },
		"0 - lowest":         func() (money.Amount, error) { return money.Zero("JPY").Sub(lowest) },
		"-1 × lowest":        func() (money.Amount, error) { return lowest.Mul(-1) },
		"lowest × -1":        func() (money.Amount, error) { return money.New(-1, "JPY").Mul(math.MinInt64) },
		"2 × highest":        func() (money.Amount, error) { return highest.Mul(2) },
		"wraps round to > 0": func() (money.Amount, error) { return money.New(1<<32+1, "JPY").Mul(1<<32 + 1) },
	} {
		if got, err := operation(); !errors.Is(err, money.ErrOverflow) {
			t.Errorf("%s = %v, %v; want ErrOverflow", name, got, err)
		}
	}
}

func TestErrCurrencyMismatch(t *testing.T) {
	t.Parallel()
	euro, yen := money.New(1, "EUR"), money.New(1, "JPY")
	for name, operation := range map[string]func() error{
		"add": func() error { _, err := euro.Add(yen); return err },
		"sub": func() error { _, err := euro.Sub(yen); return err },
		"cmp": func() error { _, err := euro.Cmp(yen); return err },
	} {
		var mismatch *money.CurrencyMismatchError
		if err := operation(); !errors.As(err, &mismatch) || mismatch.A != "EUR" || mismatch.B != "JPY" {
			t.Errorf("%s: err = %v, want the mismatch of EUR and JPY", name, err)
		}
	}
}

func TestSigns(t *testing.T) {
	t.Parallel()
	if !money.Zero("EUR").IsZero() || money.Zero("EUR").IsPositive() || money.New(-1, "EUR").IsPositive() || !money.New(1, "EUR").IsPositive() {
		t.Error("a sign is wrong")
	}
	if got := money.New(1230, "EUR").String(); got != "12.30 EUR" {
		t.Errorf("String = %q", got)
	}
}
