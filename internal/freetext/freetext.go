// Package freetext checks free text that people and clients send, before it is stored.
package freetext

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/orderwire/orderwire/internal/fault"
)

// Check returns the problem with s as a user error at field, or nil: TEXT_TOO_LONG above max characters (code points);
// TEXT_INVALID for invalid UTF-8 and control characters other than tab and line breaks (PostgreSQL cannot store a null
// byte); CARD_NUMBER_REFUSED for a text that looks like a card number.
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
