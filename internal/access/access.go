// Package access decides who may select what of the schema. Each field says so itself, with the directive @access; a field
// that says nothing is refused to everybody. An operation is judged once, as a whole and before anything of it runs, by the
// fields that it selects; objects are judged where they are read, by the principal that every store call takes.
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

// Audience is whom a field is for. The values are those of the schema.
type Audience string

// The audiences, each within the one before.
const (
	// Public is everybody.
	Public Audience = "PUBLIC"
	// Customers is everybody who is signed in, staff too.
	Customers Audience = "CUSTOMER"
	// Staff is the shop's staff.
	Staff Audience = "STAFF"
)

// Need is what the caller has to be. Each need includes those before it.
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

// Rules are a schema's. Make them with New; they are safe for concurrent use.
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
			// What is selected of an interface is answered by one of the objects, so the most open of them decides; who gets
			// which object is not for the document to say.
			need := NeedImpossible
			for _, object := range schema.GetPossibleTypes(abstract) {
				need = min(need, r.fields[fieldKey{object.Name, field.Name}])
			}
			r.fields[fieldKey{name, field.Name}] = need
		}
	}
	return r
}

// needOf is what a field's directive asks for. A field that is blank for others is refused only to those who are nobody.
func needOf(field *ast.FieldDefinition) Need {
	if introspection(field.Name) {
		return NeedNothing // whether there is any is a setting, package guard's
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

// introspection tells by the name of a field or a type whether it belongs to GraphQL itself.
func introspection(name string) bool { return strings.HasPrefix(name, "__") }

// Field is what a field of an object type or an interface asks for; NeedImpossible when there is no such field.
func (r *Rules) Field(object, field string) Need {
	need, ok := r.fields[fieldKey{object, field}]
	if !ok {
		return NeedImpossible
	}
	return need
}

// Undecided are the fields that no directive speaks for, as "Type.field", sorted. There should be none.
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

// Verdict is what one operation asks for, and the first field that asks for so much.
type Verdict struct {
	Need  Need
	field *ast.Field
}

// Operations judges every operation of a validated document. It takes no account of @skip and @include, so that one verdict
// holds for any variables: a document that may select what the caller may not see is refused.
func (r *Rules) Operations(document *ast.QueryDocument) map[*ast.OperationDefinition]Verdict {
	w := walk{rules: r, fragments: map[*ast.FragmentDefinition]Verdict{}}
	verdicts := make(map[*ast.OperationDefinition]Verdict, len(document.Operations))
	for _, operation := range document.Operations {
		verdicts[operation] = w.set(operation.SelectionSet)
	}
	return verdicts
}

// walk goes through each fragment once.
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

// Admit is nil when a caller in this role may run the operation. Else it is UNAUTHENTICATED for who is not signed in and
// FORBIDDEN for others, at the field that is refused.
func (v Verdict) Admit(role auth.Role) *gqlerror.Error {
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

// grants is the most that a role may be asked for. A role that is not among them, such as the system's, asks for nothing
// over GraphQL.
var grants = map[auth.Role]Need{
	auth.RoleAnonymous: NeedNothing, auth.RoleCustomer: NeedSignedIn, auth.RoleStaff: NeedStaff,
}
