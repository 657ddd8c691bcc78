package guard

import (
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/schema"
)

// Every list and every text of the schema has its maximum in the tables.
func TestSizes(t *testing.T) {
	t.Parallel()
	parsed, err := gqlparser.LoadSchema(&ast.Source{Input: schema.SDL()})
	if err != nil {
		t.Fatal(err)
	}
	bounds := boundsOf(parsed)
	for _, definition := range parsed.Types {
		if definition.BuiltIn {
			continue
		}
		for _, field := range definition.Fields {
			if b, is := bounds[field]; is && !b.known && field.Name[0] != '_' {
				t.Errorf("%s.%s: %s has no entry in sizes.go", definition.Name, field.Name, field.Type)
			}
		}
	}
}
