// Package text checks free text that people and clients send, before it is stored.
package text

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/orderwire/orderwire/internal/fault"
)

// Check returns the problem with s as a user error at field, or nil: TEXT_TOO_LONG above max characters (code points),
// TEXT_INVALID for invalid UTF-8 and for control characters other than tab and line breaks (a null byte among them,
// which PostgreSQL cannot store), CARD_NUMBER_REFUSED when it holds what looks like a card number.
func Check(s string, maxChars int, field ...string) *fault.Error {
	if !utf8.ValidString(s) {
		return fault.User(fault.TextInvalid, "The text is not valid UTF-8.", field...)
	}
	if n := utf8.RuneCountInString(s); n > maxChars {
		return fault.User(fault.TextTooLong, fmt.Sprintf("The text has %d characters; at most %d are allowed.", n, maxChars), field...)
	}
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return fault.User(fault.TextInvalid, fmt.Sprintf("The text contains the control character U+%04X.", r), field...)
		}
	}
	if HasCardNumber(s) {
		return fault.User(fault.CardNumberRefused, "The text looks like it contains a card number; card data is never accepted here.", field...)
	}
	return nil
}

// HasCardNumber reports whether s contains 13 to 19 digits, with single spaces or dashes between them or none, whose
// last digit is a right check digit (Luhn, ISO/IEC 7812-1 annex B).
func HasCardNumber(s string) bool {
	digits := make([]byte, 0, 32)
	separated := false
	flush := func() bool {
		hit := len(digits) >= 13 && len(digits) <= 19 && luhn(digits)
		digits = digits[:0]
		return hit
	}
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case ch >= '0' && ch <= '9':
			digits = append(digits, ch-'0')
			separated = false
		case (ch == ' ' || ch == '-') && len(digits) > 0 && !separated:
			separated = true
		default:
			if flush() {
				return true
			}
			separated = false
		}
	}
	return flush()
}

func luhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		n := int(d)
		if (len(digits)-i)%2 == 0 {
			n *= 2
			if n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}
