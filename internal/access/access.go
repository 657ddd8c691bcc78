// Package access decides who may select which fields of the schema. Each field says so with the directive @access; a field
// without one is refused to everybody. An operation is checked once and as a whole before any of it runs, by the fields that
// it selects. Objects are checked where they are read, by the principal that every store call takes.
package access

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
)

// Directive is the name of the directive on each field of each object type. Its arguments are "by", an Audience, and
// "blankForOthers".
const Directive = "access"

// Audience names the callers who may select a field, as in the schema.
type Audience string

// The audiences. Each includes the next one.
const (
	// Public includes everybody.
	Public Audience = "PUBLIC"
	// Customers includes everybody who is signed in, staff too.
	Customers Audience = "CUSTOMER"
	// Staff is the shop's staff.
	Staff Audience = "STAFF"
)

// Need is the right that a field requires of the caller. Each need includes those before it.
type Need int

// The needs.
const (
	// NeedNothing lets everybody pass.
	NeedNothing Need = iota
	// NeedSignedIn lets customers and staff pass.
	NeedSignedIn
	// NeedStaff lets staff pass.
	NeedStaff
	// NeedImpossible lets nobody pass: the field has no directive.
	NeedImpossible
)

// Rules are the access rules of a schema. Make them with New; they are safe for concurrent use.
type Rules struct {
	fields map[fieldKey]Need
}

type fieldKey struct{ object, field string }

// New reads the directives of a schema.
func New(schema *ast.Schema) *Rules {
	r := &Rules{fields: map[fieldKey]Need{}}
	for name, object := range schema.Types {
		if object.Kind == ast.Object && !introspection(name) {
			for _, field := range object.Fields {
				r.fields[fieldKey{name, field.Name}] = needOf(field)
			}
		}
	}
	for name, abstract := range schema.Types {
		if abstract.Kind != ast.Interface {
			continue
		}
		for _, field := range abstract.Fields {
			// An interface's field is answered by one of the objects, so the least restrictive object decides. Which objects
			// the caller gets does not depend on the document.
			need := NeedImpossible
			for _, object := range schema.GetPossibleTypes(abstract) {
				need = min(need, r.fields[fieldKey{object.Name, field.Name}])
			}
			r.fields[fieldKey{name, field.Name}] = need
		}
	}
	return r
}

// needOf returns the need of a field's directive. A field that is blank for others is refused only to anonymous callers.
func needOf(field *ast.FieldDefinition) Need {
	if introspection(field.Name) {
		return NeedNothing // whether introspection is allowed is a setting of package guard
	}
	directive := field.Directives.ForName(Directive)
	if directive == nil {
		return NeedImpossible
	}
	var audience Audience
	if by := directive.Arguments.ForName("by"); by != nil {
		audience = Audience(by.Value.Raw)
	}
	blank := directive.Arguments.ForName("blankForOthers")
	switch audience {
	case Public:
		return NeedNothing
	case Customers:
		return NeedSignedIn
	case Staff:
		if blank != nil && blank.Value.Raw == "true" {
			return NeedSignedIn
		}
		return NeedStaff
	default:
		return NeedImpossible
	}
}

// introspection reports whether the name of a field or a type belongs to GraphQL itself.
func introspection(name string) bool { return strings.HasPrefix(name, "__") }

// Field returns the need of a field of an object type or an interface; NeedImpossible if there is no such field.
func (r *Rules) Field(object, field string) Need {
	need, ok := r.fields[fieldKey{object, field}]
	if !ok {
		return NeedImpossible
	}
	return need
}

// Undecided returns the fields without a directive, as "Type.field", sorted. There should be none.
func (r *Rules) Undecided() []string {
	var names []string
	for key, need := range r.fields {
		if need == NeedImpossible {
			names = append(names, key.object+"."+key.field)
		}
	}
	slices.Sort(names)
	return names
}

// Verdict is the highest need of an operation, and the first field that has it.
type Verdict struct {
	Need  Need
	field *ast.Field
}

// Operations checks every operation of a validated document. It ignores @skip and @include, so that a verdict holds for any
// variables: a document that may select a field which the caller may not see is refused.
func (r *Rules) Operations(document *ast.QueryDocument) map[*ast.OperationDefinition]Verdict {
	w := walk{rules: r, fragments: map[*ast.FragmentDefinition]Verdict{}}
	verdicts := make(map[*ast.OperationDefinition]Verdict, len(document.Operations))
	for _, operation := range document.Operations {
		verdicts[operation] = w.set(operation.SelectionSet)
	}
	return verdicts
}

// walk visits each fragment once.
type walk struct {
	rules     *Rules
	fragments map[*ast.FragmentDefinition]Verdict
}

func (w *walk) set(set ast.SelectionSet) (verdict Verdict) {
	add := func(v Verdict) {
		if v.Need > verdict.Need {
			verdict = v
		}
	}
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			if introspection(selection.Name) {
				continue
			}
			add(Verdict{w.rules.Field(selection.ObjectDefinition.Name, selection.Name), selection})
			add(w.set(selection.SelectionSet))
		case *ast.InlineFragment:
			add(w.set(selection.SelectionSet))
		case *ast.FragmentSpread:
			known, ok := w.fragments[selection.Definition]
			if !ok {
				known = w.set(selection.Definition.SelectionSet)
				w.fragments[selection.Definition] = known
			}
			add(known)
		}
	}
	return verdict
}

// Check returns nil when a caller with this role may run the operation. Otherwise it is UNAUTHENTICATED for an anonymous
// caller and FORBIDDEN for others, at the refused field.
func (v Verdict) Check(role auth.Role) *gqlerror.Error {
	if v.Need <= grants[role] {
		return nil
	}
	f := fault.New(fault.Forbidden, "Only staff may select "+v.field.ObjectDefinition.Name+"."+v.field.Name+".")
	if role == auth.RoleAnonymous {
		f = fault.New(fault.Unauthenticated, auth.SignInFirst)
	}
	refusal := &gqlerror.Error{Err: f, Message: f.Message, Extensions: map[string]any{"code": string(f.Code)}}
	if at := v.field.Position; at != nil {
		refusal.Locations = []gqlerror.Location{{Line: at.Line, Column: at.Column}}
	}
	return refusal
}

// grants has the highest need that each role satisfies. Any other role, such as the system's, may select nothing over
// GraphQL.
var grants = map[auth.Role]Need{
	auth.RoleAnonymous: NeedNothing, auth.RoleCustomer: NeedSignedIn, auth.RoleStaff: NeedStaff,
}
