package render_test

import (
	"bytes"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/render"
)

// TestString: any string is written as gqlgen writes it.
func TestString(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("\"\\\n\r\t\x00\x1f\x7f é\u2028</"))),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		var want bytes.Buffer
		graphql.MarshalString(s).MarshalGQL(&want)
		if got := render.Out("x").String(s); string(got) != "x"+want.String() {
			t.Errorf("%q is written as %s, by gqlgen as %s", s, got[1:], want.String())
		}
	})
}

// TestRepeated: a key that an object has from two of its interfaces is written once.
func TestRepeated(t *testing.T) {
	t.Parallel()
	field := func(of, alias string) graphql.CollectedField {
		return graphql.CollectedField{Field: &ast.Field{Name: "id", Alias: alias, ObjectDefinition: definitions[of]}}
	}
	fields := []graphql.CollectedField{field("Node", "id"), field("Node", "a"), field("Event", "a"), field("Node", "b"), field("Event", "id"), field("Event", "c")}
	want := []bool{false, false, true, false, true, false}
	for i := range fields {
		if got := render.Repeated(fields, i); got != want[i] {
			t.Errorf("field %d: %t, want %t", i, got, want[i])
		}
	}
}

var definitions = map[string]*ast.Definition{"Node": {Name: "Node"}, "Event": {Name: "Event"}}

// TestMarshaled: a forbidden null is left to gqlgen, which reports it.
func TestMarshaled(t *testing.T) {
	t.Parallel()
	if out, ok := render.Out("[").Marshaled(graphql.Null, false); !ok || string(out) != "[null" {
		t.Errorf("null is %q, %t", out, ok)
	}
	if out, ok := render.Out("[").Marshaled(graphql.Null, true); ok {
		t.Errorf("null that must not be is %q", out)
	}
	if out, ok := render.Out("[").Marshaled(graphql.MarshalInt(3), true); !ok || string(out) != "[3" {
		t.Errorf("3 is %q, %t", out, ok)
	}
}
