// Package gqlscalar reads and writes the schema's own scalars for gqlgen: Int64, Decimal, DateTime and CurrencyCode.
// A value that is wrong in shape gives BAD_USER_INPUT. EventCursor and ID are plain strings: an EventCursor is only checked.
//
// Package coerce hands over string and json.Number, for literals and variables alike.
package gqlscalar

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/fault"
)

// Check returns what tells whether a value, a string or a json.Number, is one of the scalar of this name. It reports false
// for a name that is none of the schema's own scalars.
func Check(scalar string) (check func(v any) error, known bool) {
	switch scalar {
	case "Int64":
		return only(UnmarshalInt64), true
	case "Decimal":
		return only(UnmarshalDecimal), true
	case "DateTime":
		return only(UnmarshalDateTime), true
	case "CurrencyCode":
		return only(UnmarshalCurrencyCode), true
	case "EventCursor":
		return isText, true
	default:
		return nil, false
	}
}

func only[T any](unmarshal func(any) (T, error)) func(any) error {
	return func(v any) error {
		_, err := unmarshal(v)
		return err
	}
}

// isText accepts any string: whether it is a cursor is for the event log to say, INVALID_CURSOR.
func isText(v any) error {
	if _, ok := v.(string); !ok {
		return wrong("an EventCursor", "a string", v)
	}
	return nil
}

// MarshalInt64 writes a 64-bit integer as a JSON string, because JavaScript's numbers are exact to 2^53 only.
func MarshalInt64(v int64) graphql.Marshaler {
	return written(func(out []byte) []byte { return AppendInt64(out, v) })
}

// AppendInt64 appends what MarshalInt64 writes.
func AppendInt64(out []byte, v int64) []byte {
	return append(strconv.AppendInt(append(out, '"'), v, 10), '"')
}

// UnmarshalInt64 reads an integer literal, a JSON integer, or a string of one: decimal digits, possibly after a minus,
// without leading zeros. Floats are refused even when they are whole, since they may have lost digits on their way.
func UnmarshalInt64(v any) (int64, error) {
	var text string
	switch v := v.(type) {
	case int64:
		return v, nil
	case int:
		return int64(v), nil
	case string:
		text = v
	case json.Number:
		text = v.String()
	default:
		return 0, wrong("an Int64", "an integer or a string of one, such as \"1230\"", v)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text {
		return 0, wrong("an Int64", "an integer from -2^63 to 2^63-1 or a string of one, such as \"1230\"", v)
	}
	return n, nil
}

// MarshalDecimal writes an exact decimal as a JSON string, such as "12.30".
func MarshalDecimal(v string) graphql.Marshaler { return graphql.MarshalString(v) }

// UnmarshalDecimal reads a string of digits, possibly after a minus and possibly with a point and more digits, of at
// most 40 characters. JSON numbers are refused: they become floats in too many places.
func UnmarshalDecimal(v any) (string, error) {
	s, ok := v.(string)
	if !ok || len(s) > 40 || !isDecimal(s) {
		return "", wrong("a Decimal", "a string such as \"12.30\"", v)
	}
	return s, nil
}

func isDecimal(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	digits, points := 0, 0
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '.' && i > 0 && i < len(s)-1:
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

// dateTimeLayout is RFC 3339 in UTC with always six digits, so that texts sort as times do.
const dateTimeLayout = "2006-01-02T15:04:05.000000Z"

// rfc3339 is the grammar of RFC 3339, section 5.6, T and Z in either case: package time also takes one-digit hours, commas
// and +24:00, and neither lower case nor a leap second.
var rfc3339 = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

// MarshalDateTime writes a time as RFC 3339 in UTC with microseconds, which is PostgreSQL's resolution. The zero time
// is null.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return written(func(out []byte) []byte { return AppendDateTime(out, t) })
}

// AppendDateTime appends what MarshalDateTime writes.
func AppendDateTime(out []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(out, "null"...)
	}
	return append(t.UTC().AppendFormat(append(out, '"'), dateTimeLayout), '"')
}

// UnmarshalDateTime reads an RFC 3339 text with any offset. The result is UTC, cut off to microseconds. A leap second, which only
// comes at the end of a UTC month, is read as the first second of the next month, since no clock here has one.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok || !rfc3339.MatchString(s) {
		return time.Time{}, notDateTime(v)
	}
	s = strings.ToUpper(s)
	const seconds = len("2006-01-02T15:04:")
	leap := s[seconds:seconds+2] == "60"
	if leap {
		s = s[:seconds] + "59" + s[seconds+2:]
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil { // no such day, hour or offset
		return time.Time{}, notDateTime(v)
	}
	t = t.UTC()
	if leap {
		next := t.Truncate(time.Second).Add(time.Second)
		if next.Day() != 1 || next.Hour() != 0 || next.Minute() != 0 || next.Second() != 0 {
			return time.Time{}, notDateTime(v)
		}
		t = t.Add(time.Second)
	}
	return t.Truncate(time.Microsecond), nil
}

func notDateTime(v any) error {
	return wrong("a DateTime", "RFC 3339 text such as \"2026-11-05T14:03:09Z\"", v)
}

// MarshalCurrencyCode writes an ISO 4217 code.
func MarshalCurrencyCode(v string) graphql.Marshaler { return graphql.MarshalString(v) }

// UnmarshalCurrencyCode reads three upper-case letters, the shape of an ISO 4217 code. Whether a currency has that
// code is for the domain to say (money.Valid), so that a mutation can answer with a user error.
func UnmarshalCurrencyCode(v any) (string, error) {
	s, ok := v.(string)
	if !ok || len(s) != 3 {
		return "", wrong("a CurrencyCode", "three upper-case letters such as \"EUR\"", v)
	}
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return "", wrong("a CurrencyCode", "three upper-case letters such as \"EUR\"", v)
		}
	}
	return s, nil
}

func written(text func(out []byte) []byte) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = w.Write(text(nil)) // gqlgen's writers are buffers; the transport reports a failing socket
	})
}

func wrong(scalar, expected string, v any) error {
	shown := "this value"
	switch v := v.(type) {
	case string:
		shown = fault.Quote(v)
	case json.Number:
		shown = fault.Quote(v.String())
	case int64, float64, bool:
		shown = fmt.Sprint(v)
	case nil:
		shown = "null"
	}
	return fault.New(fault.BadUserInput, fmt.Sprintf("%s is not %s: expected %s", shown, scalar, expected))
}
