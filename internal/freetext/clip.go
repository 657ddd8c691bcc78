package freetext

import (
	"strings"
	"unicode"
)

// Clip makes a text of others valid to store and show: at most maxChars characters (code points), valid UTF-8, and no control
// characters other than tab and line breaks. It drops what Check would refuse in a client's text, because nobody can be
// told.
func Clip(s string, maxChars int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	n := 0
	for i := range s {
		if n == maxChars {
			return s[:i]
		}
		n++
	}
	return s
}
