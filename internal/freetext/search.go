package freetext

import (
	"fmt"
	"unicode/utf8"

	"github.com/orderwire/orderwire/internal/fault"
)

// MaxSearch bounds the characters of a search text: Unicode code points as sent, without normalisation. A text's cost in the
// database grows with its length.
const MaxSearch = 100

// CheckSearch returns BAD_USER_INPUT for a longer text.
func CheckSearch(s string) error {
	if len(s) <= MaxSearch {
		return nil
	}
	if n := utf8.RuneCountInString(s); n > MaxSearch {
		return fault.New(fault.BadUserInput, fmt.Sprintf("search has %d characters; at most %d are allowed.", n, MaxSearch))
	}
	return nil
}
