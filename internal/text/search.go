package text

import (
	"fmt"
	"unicode/utf8"

	"github.com/orderwire/orderwire/internal/fault"
)

// MaxSearch is how many characters a text to search for may have: Unicode code points as they were sent, without any
// normalisation. What a text costs in the database grows with its length.
const MaxSearch = 100

// CheckSearch refuses a longer text: BAD_USER_INPUT.
func CheckSearch(s string) error {
	if len(s) <= MaxSearch {
		return nil
	}
	if n := utf8.RuneCountInString(s); n > MaxSearch {
		return fault.New(fault.BadUserInput, fmt.Sprintf("search has %d characters; at most %d are allowed.", n, MaxSearch))
	}
	return nil
}
