package text

import (
	"strings"
	"unicode"
)

// Clip makes a text of others fit to be stored and shown: at most that many characters (code points), valid UTF-8, and no control characters
// other than tab and line breaks. What Check would refuse of a client's text is cut or left out here, since nobody can be told.
func Clip(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	n := 0
	for i := range s {
		if n == most {
			return s[:i]
		}
		n++
	}
	return s
}
