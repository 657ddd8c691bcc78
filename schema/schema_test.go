package schema_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/schema"
)

// parse loads a schema and validates it, or ends the test.
func parse(t *testing.T, name, sdl string) *ast.Schema {
	t.Helper()
	s, err := gqlparser.LoadSchema(&ast.Source{Name: name, Input: sdl})
	if err != nil {
		t.Fatalf("%s does not load: %v", name, err)
	}
	return s
}

// own yields a schema's definitions by name, without those of GraphQL itself.
func own(s *ast.Schema) map[string]*ast.Definition {
	defs := make(map[string]*ast.Definition, len(s.Types))
	for name, def := range s.Types {
		if !def.BuiltIn {
			defs[name] = def
		}
	}
	return defs
}

// introspection says whether a field is one of those the parser adds to Query.
func introspection(f *ast.FieldDefinition) bool { return strings.HasPrefix(f.Name, "__") }

func TestSDL(t *testing.T) {
	t.Parallel()

	t.Run("EqualsTheFilesJoined", func(t *testing.T) {
		t.Parallel()
		names, err := filepath.Glob("*.graphqls")
		if err != nil || len(names) == 0 {
			t.Fatalf("no schema files: %v", err)
		}
		slices.Sort(names)
		var want strings.Builder
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(string(content), "\n") {
				t.Errorf("%s does not end with a line break, so joining would glue it to the next file", name)
			}
			want.Write(content)
		}
		if schema.SDL() != want.String() {
			t.Error("SDL() is not the .graphqls files joined in name order")
		}
	})

	t.Run("Loads", func(t *testing.T) {
		t.Parallel()
		s := parse(t, "schema", schema.SDL())
		if s.Query == nil || s.Mutation == nil || s.Subscription == nil {
			t.Fatal("a root type is missing")
		}
		if got := len(s.PossibleTypes["OrderEvent"]); got != len(s.Types["OrderEventType"].EnumValues) {
			t.Errorf("%d types implement OrderEvent, but OrderEventType has %d values",
				got, len(s.Types["OrderEventType"].EnumValues))
		}
	})

	t.Run("Described", func(t *testing.T) {
		t.Parallel()
		for _, place := range undescribed(parse(t, "schema", schema.SDL())) {
			t.Errorf("%s needs a description: whole sentences, ending with a full stop", place)
		}
	})
}

// undescribed lists, sorted, every place whose description is missing or is not made of sentences.
func undescribed(s *ast.Schema) []string {
	var places []string
	check := func(place, description string) {
		if !strings.HasSuffix(strings.TrimSpace(description), ".") {
			places = append(places, place)
		}
	}
	check("schema", s.Description)
	for name, def := range own(s) {
		check(name, def.Description)
		for _, field := range def.Fields {
			if introspection(field) {
				continue
			}
			check(name+"."+field.Name, field.Description)
			for _, arg := range field.Arguments {
				check(name+"."+field.Name+"("+arg.Name+")", arg.Description)
			}
		}
		for _, value := range def.EnumValues {
			check(name+"."+value.Name, value.Description)
		}
	}
	slices.Sort(places)
	return places
}

func TestUndescribed(t *testing.T) {
	t.Parallel()
	s := parse(t, "sample", `
		schema { query: Query }
		"""Reads."""
		type Query { "Said." said: Int unsaid(arg: Int): Int "no sentence" half: Int }
		enum Colour { "Red." RED GREEN }
		"""Taken."""
		input In { field: Int }`)
	want := []string{"Colour", "Colour.GREEN", "In.field", "Query.half", "Query.unsaid", "Query.unsaid(arg)", "schema"}
	if got := undescribed(s); !slices.Equal(got, want) {
		t.Errorf("undescribed = %q, want %q", got, want)
	}
}
