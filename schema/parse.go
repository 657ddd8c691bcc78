package schema

import (
	"slices"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// Parse returns the schema that is executed and shown by introspection: SDL with the directives and introspection types of
// GraphQL itself. Each call returns one of its own.
//
// gqlparser's prelude declares more than the specification has. @defer is not executed here: known to the validator, its part
// of an answer would be lost, also where null is not allowed. @deprecated on directives has no place in introspection.
func Parse() *ast.Schema {
	s := gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphql", Input: SDL()})
	delete(s.Directives, "defer")
	onDirectives := func(l ast.DirectiveLocation) bool { return l == "DIRECTIVE_DEFINITION" }
	s.Directives["deprecated"].Locations = slices.DeleteFunc(s.Directives["deprecated"].Locations, onDirectives)
	locations := s.Types["__DirectiveLocation"]
	locations.EnumValues = slices.DeleteFunc(locations.EnumValues, func(v *ast.EnumValueDefinition) bool {
		return onDirectives(ast.DirectiveLocation(v.Name))
	})
	return s
}
