package guard

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// places moves the positions in a parsed document to the beginnings of its nodes, as graphql-js reports them. gqlparser's are
// behind the quotes of a string, in the line of its end, and behind the @ of a directive and the dots of a fragment; errors then
// pointed at another character, or had a column below 1.
type places struct {
	text []rune
	// lines has the offset of each line's beginning.
	lines []int
}

func placesOf(text string) *places {
	p := &places{text: []rune(text), lines: []int{0}}
	for i, r := range p.text {
		if r == '\n' || r == '\r' && (i+1 == len(p.text) || p.text[i+1] != '\n') {
			p.lines = append(p.lines, i+1)
		}
	}
	return p
}

// unexpected returns the beginning of an unexpected string, given the parser's location and the number of its quotes.
func (p *places) unexpected(at gqlerror.Location, quotes int) gqlerror.Location {
	if at.Line < 1 || at.Line > len(p.lines) {
		return at
	}
	var place ast.Position
	p.move(&place, max(p.lines[at.Line-1]+at.Column-1-quotes, 0))
	return gqlerror.Location{Line: place.Line, Column: place.Column}
}

// relocate moves the positions of a document that is not shared yet.
func relocate(query *ast.QueryDocument, text string) {
	p := placesOf(text)
	visitor{
		text:      func(v *ast.Value) { p.move(v.Position, v.Position.Start) },
		directive: func(d *ast.Directive) { p.back(d.Position, "@") },
		inline:    func(f *ast.InlineFragment) { p.back(f.Position, "...") },
		spread: func(f *ast.FragmentSpread) {
			if query.Fragments.ForName(f.Name) != nil { // an unknown one is shown by its name
				p.back(f.Position, "...")
			}
		},
	}.document(query)
}

// back moves a position to the beginning of the mark before it. Ignored characters between them are skipped, except comments.
func (p *places) back(at *ast.Position, mark string) {
	end := at.Start
	for end > 0 && slices.Contains([]rune(" \t\r\n,\ufeff"), p.text[end-1]) {
		end--
	}
	start := end - len(mark)
	if start < 0 || string(p.text[start:end]) != mark {
		return
	}
	p.move(at, start)
}

// move sets a position to a character of the text.
func (p *places) move(at *ast.Position, start int) {
	line, found := slices.BinarySearch(p.lines, start)
	if !found {
		line--
	}
	at.Start, at.Line, at.Column = start, line+1, start-p.lines[line]+1
}
