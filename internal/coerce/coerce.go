// Package coerce turns a client's input into values of the schema's types: variables before anything of an
// operation runs (CoerceVariableValues, GraphQL specification, section 6.1.2), arguments when their field is executed
// (CoerceArgumentValues, section 6.4.1), and literals while a document is validated (section 5.6.1). The verdicts are those
// of graphql-js 16, and a test of internal/judge compares them.
//
// The coercion of gqlparser and gqlgen is not used: it compares enum values without regard to case,
// reads an unknown one as the type's zero value, and takes numbers, booleans and null for strings.
//
// Coerced values have these Go types: int64 for Int, float64 for Float, string for String, ID and enums, bool for Boolean,
// string or json.Number for the schema's own scalars, as the client has sent them, []any for lists and map[string]any for
// input objects. Null is nil.
package coerce

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
)

// refusal is a client's error with its place in the document.
func refusal(message string, at *ast.Position) *gqlerror.Error {
	code := fault.BadUserInput
	e := &gqlerror.Error{Err: fault.New(code, message), Message: message, Extensions: map[string]any{"code": string(code)}}
	if at != nil {
		e.Locations = []gqlerror.Location{{Line: at.Line, Column: at.Column}}
	}
	return e
}

// named is the type inside of all lists.
func named(t *ast.Type) string {
	for t.Elem != nil {
		t = t.Elem
	}
	return t.NamedType
}

func isOneOf(def *ast.Definition) bool { return def.Directives.ForName("oneOf") != nil }
