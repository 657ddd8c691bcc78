package gqlscalar_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlscalar"
)

func text(m graphql.Marshaler) string {
	var b strings.Builder
	m.MarshalGQL(&b)
	return b.String()
}

func checkRefused(t *testing.T, what string, v any, err error) {
	t.Helper()
	if fault.CodeOf(err) != fault.BadUserInput {
		t.Errorf("%s %.60v: err = %v, want %s", what, v, err, fault.BadUserInput)
		return
	}
	if len(err.Error()) > 300 {
		t.Errorf("%s: the message has %d bytes", what, len(err.Error()))
	}
}

func TestInt64(t *testing.T) {
	t.Parallel()
	for v, want := range map[any]int64{
		int64(1230): 1230, 7: 7, "1230": 1230, "-5": -5, "0": 0,
		json.Number("12"):                  12,
		"9223372036854775807":              math.MaxInt64,
		"-9223372036854775808":             math.MinInt64,
		json.Number("9223372036854775807"): math.MaxInt64,
		int64(-9223372036854775808):        math.MinInt64,
		json.Number("-1"):                  -1,
		"9007199254740993":                 9007199254740993,
	} {
		if got, err := gqlscalar.UnmarshalInt64(v); err != nil || got != want {
			t.Errorf("%v (%T) = %d, %v; want %d", v, v, got, err, want)
		}
	}
	for _, v := range []any{
		nil, 1.0, 1.5, true, "", " 1", "1 ", "+1", "01", "-0", "1.0", "1e3", "0x1", "1_000", "٣", "1\x00",
		"9223372036854775808", "-9223372036854775809", json.Number("1.0"), json.Number("1e3"), json.Number("9223372036854775808"),
		[]any{int64(1)},
		map[string]any{"a": 1},
		strings.Repeat("9", 1<<20),
	} {
		_, err := gqlscalar.UnmarshalInt64(v)
		checkRefused(t, "Int64", v, err)
	}
	if got := text(gqlscalar.MarshalInt64(math.MinInt64)); got != `"-9223372036854775808"` {
		t.Errorf("written %s", got)
	}
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"12.30", "1230", "-0.05", "0", "-7", "92233720368547758.07"} {
		if got, err := gqlscalar.UnmarshalDecimal(v); err != nil || got != v {
			t.Errorf("%q = %q, %v", v, got, err)
		}
		if got := text(gqlscalar.MarshalDecimal(v)); got != `"`+v+`"` {
			t.Errorf("%q is written %s", v, got)
		}
	}
	for _, v := range []any{
		nil, int64(1), 1.5, json.Number("1.5"), "", "-", ".", ".5", "5.", "-.5", "1.2.3", "1,5", "1e3", "+1", "NaN", "1 ", "١",
		strings.Repeat("1", 41),
	} {
		_, err := gqlscalar.UnmarshalDecimal(v)
		checkRefused(t, "Decimal", v, err)
	}
}

func TestDateTime(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]string{
		"2026-11-05T14:03:09Z":                "2026-11-05T14:03:09.000000Z",
		"2026-11-05T14:03:09.1Z":              "2026-11-05T14:03:09.100000Z",
		"2026-11-05T14:03:09.123456Z":         "2026-11-05T14:03:09.123456Z",
		"2026-11-05T14:03:09.123456999Z":      "2026-11-05T14:03:09.123456Z",
		"2026-11-05T14:03:09.5+05:30":         "2026-11-05T08:33:09.500000Z",
		"2026-01-01T00:30:00+01:00":           "2025-12-31T23:30:00.000000Z",
		"1969-12-31T23:59:59.9999999Z":        "1969-12-31T23:59:59.999999Z",
		"2024-02-29T12:00:00-00:00":           "2024-02-29T12:00:00.000000Z",
		"2026-11-05t14:03:09.5z":              "2026-11-05T14:03:09.500000Z",
		"2016-12-31T23:59:60Z":                "2017-01-01T00:00:00.000000Z",
		"2017-01-01T05:29:60.25+05:30":        "2017-01-01T00:00:00.250000Z",
		"0001-01-01T00:00:00.000001Z":         "0001-01-01T00:00:00.000001Z",
		"0000-02-29T00:00:00Z":                "0000-02-29T00:00:00.000000Z",
		"9999-12-31T23:59:59.999999999-00:00": "9999-12-31T23:59:59.999999Z",
	} {
		got, err := gqlscalar.UnmarshalDateTime(v)
		if err != nil {
			t.Errorf("%s: %v", v, err)
			continue
		}
		if got.Location() != time.UTC {
			t.Errorf("%s is read in %v, want UTC", v, got.Location())
		}
		if s := text(gqlscalar.MarshalDateTime(got)); s != `"`+want+`"` {
			t.Errorf("%s is read and written as %s, want %s", v, s, want)
		}
	}
	for _, v := range []any{
		nil, int64(1700000000), 1.5, "", "2026-11-05", "2026-11-05 14:03:09Z", "2026-11-05T14:03:09", "2026-11-05T4:03:09Z",
		"2026-11-05T14:03:09,5Z", "2026-02-30T00:00:00Z", "2026-11-05T24:00:00Z", "2026-11-05T14:03:09+24:00", "2026-11-05T14:03:09+00:60", "2026-11-05T14:03:60Z", "2026-12-30T23:59:60Z", "2026-12-31T23:59:61Z", "now", "2026-11-05T14:03:09Z\x00",
	} {
		_, err := gqlscalar.UnmarshalDateTime(v)
		checkRefused(t, "DateTime", v, err)
	}
	if got := text(gqlscalar.MarshalDateTime(time.Time{})); got != "null" {
		t.Errorf("the zero time is written %s, want null", got)
	}
	zone := time.FixedZone("", 2*60*60)
	if got := text(gqlscalar.MarshalDateTime(time.Date(2026, 11, 5, 14, 0, 0, 0, zone))); got != `"2026-11-05T12:00:00.000000Z"` {
		t.Errorf("a local time is written %s, want UTC", got)
	}
}

func TestCurrencyCode(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"EUR", "JPY", "ZZZ"} {
		if got, err := gqlscalar.UnmarshalCurrencyCode(v); err != nil || got != v {
			t.Errorf("%q = %q, %v", v, got, err)
		}
	}
	for _, v := range []any{nil, int64(978), "", "eur", "Eur", "EU", "EURO", "E R", "ÉUR", "€"} {
		_, err := gqlscalar.UnmarshalCurrencyCode(v)
		checkRefused(t, "CurrencyCode", v, err)
	}
	if got := text(gqlscalar.MarshalCurrencyCode("EUR")); got != `"EUR"` {
		t.Errorf("written %s", got)
	}
}
