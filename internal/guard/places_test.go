package guard_test

import (
	"testing"
)

// The places of mistakes are graphql-js's, of strings over several lines too.
func TestPlaces(t *testing.T) {
	t.Parallel()
	g := newGuard()
	for text, want := range map[string][2]int{
		"{ products(first: \"x\") { nodes { id } } }":                         {1, 19},
		"{ products(first: \"\") { nodes { id } } }":                          {1, 19},
		"{products(first:\"\"\"\n\nx\n\"\"\"){nodes{id}}}":                    {1, 17},
		"{\r\n\r products(first: \"\"\"é\r\r\n😀\"\"\") {nodes{id}}}":          {3, 18},
		"query($f: Int = \"\"\"a\n b\"\"\") { products(first: $f) { nope } }": {1, 17},
		"{orders(filter:{status:[CREATED \"CREATED\"]}){nodes{id}}}":          {1, 33},
		"{ viewer @skip { id } }":                                             {1, 10},
		"{ viewer @\n skip { id } }":                                          {1, 10},
		"{ viewer { id ...\n on Product { id } } }":                           {1, 15},
		"{ viewer { id ... , @nope { id } } }":                                {1, 21},
		"{ ...F viewer { ...F } } fragment F on Query { __typename }":         {1, 17},
		"{ ... F }":                 {1, 7},
		"{\n\n\"x\"}":               {3, 1},
		"\r\"\"\"a\n\nb\"\"\" {id}": {2, 1},
		"{ viewer { id\n \"\"\"a\r\n b\n\"\"\" } }": {2, 2},
	} {
		_, errs := g.Document(text)
		if len(errs) == 0 || len(errs[0].Locations) == 0 {
			t.Errorf("%q: %v has no place", text, errs)
			continue
		}
		if at := errs[0].Locations[0]; at.Line != want[0] || at.Column != want[1] {
			t.Errorf("%q: %q at %d:%d, want %d:%d", text, errs[0].Message, at.Line, at.Column, want[0], want[1])
		}
	}
}
