package judge

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

// Mutate changes a document in one or two places: its tokens, or characters within them.
func (g *Generator) Mutate(text string) string {
	for n := 1 + g.IntN(8)/6; n > 0; n-- {
		if g.one(4) {
			text = g.mutateText(text)
		} else {
			text = g.mutateTokens(text)
		}
	}
	return text
}

func (g *Generator) mutateText(text string) string {
	i := g.IntN(len(text) + 1)
	for i < len(text) && text[i]&0xc0 == 0x80 {
		i++
	}
	insert := pick(g, oddities)
	if g.one(4) && i < len(text) && text[i] < 0x80 {
		return text[:i] + insert + text[i+1:]
	}
	return text[:i] + insert + text[i:]
}

// oddities are texts that test the lexer and the combinations of tokens.
var oddities = []string{
	"1", "0", "00", "1.", ".1", "1.5", "1e", "1e5", "-", "-1", "0x1", "1a", "1_", "\"\\uD800\"", `"\uD83D\uDE00"`, `"\uDE00"`, `"\u{1F600}"`, `"\u{D800}"`, `"\u{}"`, `"\u{110000}"`, `"\u{000000061}"`, `"\0"`, `"\x41"`,
	"\ufeff", "\x00", "\x07", "\x7f", "\u00a0", "\u2028", "\"\x01\"", "\"\t\"", "\"a\nb\"", `"""`, `""""""`, `"""a"""`, `"""a\""""""`, `"""a""b"""`, "\"\"\"\x01\"\"\"", "\"\"\"\r\n a\r  b\n\"\"\"", `"`, `\`, "'", "#", "#\x02\n",
	"# é\n", ",", ",,", "...", "....", "..", ".", "é", "😀", "&", "|", "!", "?", "%", "@", "$", "\r", "\n", "on", "null", "true", "query", "fragment", "@skip(if: true)", "@include(if: false)", "@defer", "@deprecated", "@oneOf", "@specifiedBy(url: \"x\")",
	"(first: 1)", "(first:1after:\"x\")", "{}", "{ id }", "__typename", "__schema { queryType { name } }", "__type(name: \"Order\") { name isOneOf }", "a:", ":", "=", "[", "]", "(", ")", "{", "}",
}

// tokensOf are a document's tokens as texts, as far as it can be read.
func tokensOf(text string) []string {
	var tokens []string
	characters := []rune(text)
	l := lexer.New(&ast.Source{Input: text})
	for {
		token, err := l.ReadToken()
		if err != nil || token.Kind == lexer.EOF || token.Pos.End > len(characters) {
			return tokens
		}
		tokens = append(tokens, string(characters[token.Pos.Start:token.Pos.End]))
	}
}

func (g *Generator) mutateTokens(text string) string {
	tokens := tokensOf(text)
	if len(tokens) < 2 {
		return text
	}
	i, j := g.IntN(len(tokens)), g.IntN(len(tokens))
	if g.one(2) { // one name for another leaves a document that can be read
		for range 20 {
			if i, j = g.IntN(len(tokens)), g.IntN(len(tokens)); isName(tokens[i]) && isName(tokens[j]) && tokens[i] != tokens[j] {
				tokens[i] = tokens[j]
				return strings.Join(tokens, " ")
			}
		}
	}
	switch g.IntN(6) {
	case 0:
		tokens = append(tokens[:i:i], tokens[i+1:]...)
	case 1:
		tokens = append(tokens[:i:i], append([]string{tokens[j]}, tokens[i:]...)...)
	case 2:
		tokens[i], tokens[j] = tokens[j], tokens[i]
	case 3:
		tokens[i] = tokens[j]
	case 4:
		tokens[i] = pick(g, oddities)
	case 5:
		tokens[i] = pick(g, junkLiterals)
	}
	return strings.Join(tokens, " ")
}

func isName(token string) bool {
	return token != "" && (token[0] == '_' || token[0]|0x20 >= 'a' && token[0]|0x20 <= 'z')
}
