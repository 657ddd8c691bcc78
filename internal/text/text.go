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

// HasCardNumber reports whether s contains 13 to 19 digits, of any script, in one group or in several with a blank, a dash,
// a dot or what nobody sees between them, whose last digit is a right check digit (Luhn, ISO/IEC 7812-1 annex B). What
// stands around such groups does not hide them: people write the date and the code of a card right behind its number.
func HasCardNumber(s string) bool {
	var digits []byte // of the groups so far that belong together
	var starts []int  // where each of these begins in digits
	inGroup, separators := false, 0
	// endGroup looks at the number that each group begins and the last one ends.
	endGroup := func() bool {
		inGroup = false
		for _, start := range starts {
			if n := len(digits) - start; n >= 13 && n <= 19 && luhn(digits[start:]) {
				return true
			}
		}
		return false
	}
	for _, r := range s {
		if digit, ok := digitOf(r); ok {
			if !inGroup {
				inGroup, separators = true, 0
				starts = append(starts, len(digits))
			}
			digits = append(digits, digit)
			continue
		}
		if inGroup && endGroup() {
			return true
		}
		if separators++; separators > mostSeparators || !separates(r) {
			digits, starts = digits[:0], starts[:0]
		}
		for len(starts) > 0 && len(digits)-starts[0] > 19 { // nothing that begins so far back can be a card's
			starts = starts[1:]
		}
	}
	return inGroup && endGroup()
}

// mostSeparators may stand between two groups of one number, as in "4242 - 4242".
const mostSeparators = 3

func separates(r rune) bool {
	return r == '.' || unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf)
}

// digitOf is the value of a decimal digit of any script: each has its ten in a row (Unicode standard, section 4.6).
func digitOf(r rune) (value byte, ok bool) {
	if r <= unicode.MaxASCII {
		return byte(r - '0'), r >= '0' && r <= '9'
	}
	for _, block := range unicode.Nd.R16 {
		if r >= rune(block.Lo) && r <= rune(block.Hi) {
			return byte((r - rune(block.Lo)) % 10), true
		}
	}
	for _, block := range unicode.Nd.R32 {
		if r >= rune(block.Lo) && r <= rune(block.Hi) {
			return byte((r - rune(block.Lo)) % 10), true
		}
	}
	return 0, false
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
