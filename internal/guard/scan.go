package guard

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
)

// scanned is the scanner's result for the parser.
type scanned struct {
	tokens int
	// text is the document with placeholders for the characters that GraphQL allows in strings and comments and gqlparser's lexer
	// refuses. Every token keeps its place.
	text string
	// strings has the values that gqlparser's lexer would read differently, by their offset in characters.
	strings map[int]string
}

// scanner reads a document's tokens exactly as the GraphQL specification has them (September 2025, section 2 and appendix C).
// gqlparser's lexer accepts a number followed by a name, half a surrogate pair and quotes behind a block string, and counts a block
// string's first line for its indentation. It never gets a document that the scanner refuses.
type scanner struct {
	text string
	// at is the offset of the next byte; line is its line, which begins at the byte lineStart.
	at, line, lineStart int
	// runes are the characters before the byte runesAt.
	runes, runesAt int
	// out is the text so far, from copied on as it is.
	out    strings.Builder
	copied int
	result scanned
}

// scan counts the document's tokens up to the limit, comments included. It neither recurses nor remembers.
func (g *Guard) scan(text string) (scanned, *gqlerror.Error) {
	s := &scanner{text: text, line: 1}
	spread := false
	for {
		s.ignored()
		if s.at >= len(text) {
			break
		}
		if s.result.tokens++; s.result.tokens > g.cfg.Limits.Tokens {
			return scanned{}, refusal(fault.DocumentTooLarge, "The document has more than "+number(g.cfg.Limits.Tokens)+" tokens.", nil)
		}
		start := s.at
		if spread && text[start] == '"' { // gqlparser takes the string "on" for the word
			return scanned{}, s.refuse(start, "Expected a name, a directive or a selection set.")
		}
		if err := s.token(); err != nil {
			return scanned{}, err
		}
		if isNameStart(text[start]) && s.at-start > maxName {
			return scanned{}, refusal(fault.DocumentTooLarge, "The document has a name of more than "+number(maxName)+" characters.", s.position(start))
		}
		if text[start] != '#' {
			spread = text[start] == '.'
		}
	}
	s.result.text = text
	if s.copied > 0 {
		s.out.WriteString(text[s.copied:])
		s.result.text = s.out.String()
	}
	return s.result, nil
}

// position is that of a byte.
func (s *scanner) position(at int) *ast.Position {
	return &ast.Position{Line: s.line, Column: utf8.RuneCountInString(s.text[s.lineStart:at]) + 1}
}

// character is the number of characters before a byte. It is asked for ever later bytes.
func (s *scanner) character(at int) int {
	s.runes += utf8.RuneCountInString(s.text[s.runesAt:at])
	s.runesAt = at
	return s.runes
}

func (s *scanner) refuse(at int, what string) *gqlerror.Error {
	place := s.position(at)
	return refusal(fault.ParseFailed, fmt.Sprintf("Syntax error at line %d, column %d: %s", place.Line, place.Column, what), place)
}

// peek is a byte further on; 0 behind the end.
func (s *scanner) peek(further int) byte {
	if s.at+further < len(s.text) {
		return s.text[s.at+further]
	}
	return 0
}

// replace puts a placeholder for the byte at s.at and steps over it.
func (s *scanner) replace(placeholder byte) {
	s.out.WriteString(s.text[s.copied:s.at])
	s.out.WriteByte(placeholder)
	s.at++
	s.copied = s.at
}

const bom = "\ufeff"

// ignored skips the ignored tokens: white space, line terminators, commas and byte order marks.
func (s *scanner) ignored() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', ',':
			s.at++
		case '\n', '\r':
			s.newLine()
		default:
			if !strings.HasPrefix(s.text[s.at:], bom) {
				return
			}
			s.at += len(bom)
		}
	}
}

func (s *scanner) newLine() {
	if s.text[s.at] == '\r' && s.peek(1) == '\n' {
		s.at++
	}
	s.at++
	s.line++
	s.lineStart = s.at
}

// token steps over the token at s.at.
func (s *scanner) token() *gqlerror.Error {
	switch c := s.text[s.at]; {
	case strings.IndexByte("!$&():=@[]{|}", c) >= 0:
		s.at++
		return nil
	case c == '.' && strings.HasPrefix(s.text[s.at:], "..."):
		s.at += 3
		return nil
	case c == '#':
		s.comment()
		return nil
	case isNameStart(c):
		for isNameStart(s.peek(0)) || isDigit(s.peek(0)) {
			s.at++
		}
		return nil
	case c == '-' || isDigit(c):
		return s.number()
	case c == '"' && strings.HasPrefix(s.text[s.at:], `"""`):
		return s.blockString()
	case c == '"':
		return s.string()
	default:
		return s.refuse(s.at, "Cannot parse an unexpected or invalid character.")
	}
}

func isNameStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isControl(c byte) bool { return c < 0x20 && c != '\t' && c != '\n' && c != '\r' }

func (s *scanner) comment() {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '\n' || c == '\r':
			return
		case isControl(c):
			s.replace(' ')
		default:
			s.at++
		}
	}
}

func (s *scanner) number() *gqlerror.Error {
	if s.text[s.at] == '-' {
		s.at++
	}
	var ok bool
	if s.peek(0) == '0' {
		s.at++
		ok = !isDigit(s.peek(0))
	} else {
		ok = s.digits()
	}
	if ok && s.peek(0) == '.' {
		s.at++
		ok = s.digits()
	}
	if ok && s.peek(0)|0x20 == 'e' {
		s.at++
		if s.peek(0) == '+' || s.peek(0) == '-' {
			s.at++
		}
		ok = s.digits()
	}
	if !ok || s.peek(0) == '.' || isNameStart(s.peek(0)) {
		return s.refuse(s.at, "Invalid number: something else follows its digits.")
	}
	return nil
}

// digits steps over at least one digit, or reports false.
func (s *scanner) digits() bool {
	start := s.at
	for isDigit(s.peek(0)) {
		s.at++
	}
	return s.at > start
}
