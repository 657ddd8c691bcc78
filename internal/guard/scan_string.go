package guard

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// string steps over a string in single quotes.
func (s *scanner) string() *gqlerror.Error {
	start := s.at
	s.at++
	var value strings.Builder
	controls := false
	for {
		switch c := s.peek(0); {
		case s.at >= len(s.text) || c == '\n' || c == '\r':
			return s.refuse(s.at, "Unterminated string.")
		case c == '"':
			s.at++
			if controls {
				s.keep(start, value.String())
			}
			return nil
		case c == '\\':
			r, size := escaped(s.text[s.at:])
			if size == 0 {
				return s.refuse(s.at, "Invalid character escape sequence.")
			}
			value.WriteRune(r)
			s.at += size
		case isControl(c):
			controls = true
			value.WriteByte(c)
			s.replace(' ')
		default:
			value.WriteByte(c)
			s.at++
		}
	}
}

// keep remembers the value of the string that begins at a byte.
func (s *scanner) keep(start int, value string) {
	if s.result.strings == nil {
		s.result.strings = map[int]string{}
	}
	s.result.strings[s.character(start)] = value
}

// escaped reads the escape sequence that text begins with; its size is 0 when there is none.
func escaped(text string) (r rune, size int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch text[1] {
	case '"', '\\', '/':
		return rune(text[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		if strings.HasPrefix(text, `\u{`) {
			return variableWidth(text)
		}
		return fixedWidth(text)
	default:
		return 0, 0
	}
}

// variableWidth reads \u{…} with one to eight hexadecimal digits.
func variableWidth(text string) (rune, int) {
	const most = 8
	end := strings.IndexByte(text[:min(len(text), len(`\u{}`)+most)], '}')
	if end < 0 {
		return 0, 0
	}
	r, ok := hexadecimal(text[len(`\u{`):end])
	if !ok || r > math.MaxInt32 || !utf8.ValidRune(rune(r)) {
		return 0, 0
	}
	return rune(r), end + 1
}

// fixedWidth reads \uXXXX, or two of them that are a surrogate pair. Half a pair is no character.
func fixedWidth(text string) (rune, int) {
	const size = len(`\uXXXX`)
	if len(text) < size {
		return 0, 0
	}
	r, ok := hexadecimal(text[2:size])
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(rune(r)) {
		return rune(r), size
	}
	if len(text) < 2*size || !strings.HasPrefix(text[size:], `\u`) {
		return 0, 0
	}
	second, ok := hexadecimal(text[size+2 : 2*size])
	pair := utf16.DecodeRune(rune(r), rune(second))
	if !ok || pair == utf8.RuneError {
		return 0, 0
	}
	return pair, 2 * size
}

func hexadecimal(digits string) (uint64, bool) {
	v, err := strconv.ParseUint(digits, 16, 32)
	return v, err == nil // ParseUint takes no sign and, with a base, no underscore
}

// blockString steps over a string in three quotes.
func (s *scanner) blockString() *gqlerror.Error {
	start := s.at
	s.at += len(`"""`)
	lines := []string{""}
	var line strings.Builder
	for {
		switch c := s.peek(0); {
		case s.at >= len(s.text):
			return s.refuse(s.at, "Unterminated block string.")
		case c == '"' && strings.HasPrefix(s.text[s.at:], `"""`):
			s.at += len(`"""`)
			if s.peek(0) == '"' { // gqlparser would count it to the block string
				return s.refuse(s.at, "A quote follows the block string immediately.")
			}
			lines[len(lines)-1] = line.String()
			s.keep(start, blockValue(lines))
			return nil
		case c == '\\' && strings.HasPrefix(s.text[s.at:], `\"""`):
			line.WriteString(`"""`)
			s.at += len(`\"""`)
		case c == '\n' || c == '\r':
			lines[len(lines)-1] = line.String()
			lines = append(lines, "")
			line.Reset()
			s.newLine()
		case isControl(c):
			line.WriteByte(c)
			s.replace(' ')
		default:
			line.WriteByte(c)
			s.at++
		}
	}
}

// blockValue is BlockStringValue() of section 2.9.4: without the indentation that all lines but the first share, and without
// blank lines at either end.
func blockValue(lines []string) string {
	indentation, first, last := math.MaxInt, -1, -1
	for i, line := range lines {
		blank := len(line) - len(strings.TrimLeft(line, " \t"))
		if blank == len(line) {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
		if i > 0 {
			indentation = min(indentation, blank)
		}
	}
	if first < 0 {
		return ""
	}
	for i := range lines[1:] {
		lines[i+1] = lines[i+1][min(indentation, len(lines[i+1])):]
	}
	return strings.Join(lines[first:last+1], "\n")
}

// restore gives the strings of a parsed document the values that the scanner has read.
func (s *scanned) restore(query *ast.QueryDocument) {
	if len(s.strings) == 0 {
		return
	}
	visitor{text: func(v *ast.Value) {
		if value, ok := s.strings[v.Position.Start]; ok {
			v.Raw = value
		}
	}}.document(query)
}
