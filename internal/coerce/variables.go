package coerce

import (
	"maps"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
)

// Variables coerces the variables of an operation of a validated document, given as JSON with numbers as json.Number. The
// result has every variable that was given or has a default. The errors are BAD_USER_INPUT, at most so many, each at the
// definition of its variable; they tell where in the variable the mistake is, and never the value.
func Variables(schema *ast.Schema, operation *ast.OperationDefinition, given map[string]any, most int) (map[string]any, gqlerror.List) {
	c := &variables{schema: schema, most: max(most, 1)}
	coerced := make(map[string]any, len(operation.VariableDefinitions))
	for _, definition := range operation.VariableDefinitions {
		if c.full() {
			break
		}
		c.current = definition
		v, has := given[definition.Variable]
		switch {
		case !has && definition.DefaultValue != nil:
			// A valid document's default fits; without a value the variable would count as not given.
			if v, ok := literal(schema, definition.Type, definition.DefaultValue, nil); ok {
				coerced[definition.Variable] = v
			}
		case !has && definition.Type.NonNull:
			c.refuse(`of required type "` + definition.Type.String() + `" was not provided.`)
		case !has:
		case v == nil && definition.Type.NonNull:
			c.refuse(`of non-null type "` + definition.Type.String() + `" must not be null.`)
		default:
			coerced[definition.Variable] = c.value(definition.Type, v, nil)
		}
	}
	if c.errs != nil {
		return nil, c.errs
	}
	return coerced, nil
}

type variables struct {
	schema  *ast.Schema
	most    int
	errs    gqlerror.List
	current *ast.VariableDefinition
}

func (c *variables) full() bool { return len(c.errs) >= c.most }

func (c *variables) refuse(why string) {
	if !c.full() {
		c.errs = append(c.errs, refusal(`Variable "$`+c.current.Variable+`" `+why, c.current.Position))
	}
}

// place is the path of a value inside a variable; nil: the variable itself.
type place struct {
	within *place
	step   string
}

func (p *place) String() string {
	if p == nil {
		return ""
	}
	return p.within.String() + p.step
}

// wrong refuses the value at a place.
func (c *variables) wrong(at *place, why string) {
	where := ""
	if at != nil {
		where = ` at "` + c.current.Variable + at.String() + `"`
	}
	c.refuse("got an invalid value" + where + "; " + why)
}

// value coerces a value; after a refusal the result has no meaning.
func (c *variables) value(t *ast.Type, v any, at *place) any {
	if c.full() {
		return nil
	}
	if v == nil {
		if t.NonNull {
			c.wrong(at, `Expected non-nullable type "`+t.String()+`" not to be null.`)
		}
		return nil
	}
	if t.Elem != nil {
		list, ok := v.([]any)
		if !ok { // a value stands for a list of it
			return []any{c.value(t.Elem, v, at)}
		}
		coerced := make([]any, len(list))
		for i, element := range list {
			coerced[i] = c.value(t.Elem, element, &place{at, "[" + strconv.Itoa(i) + "]"})
		}
		return coerced
	}
	def := c.schema.Types[t.NamedType]
	if def.Kind == ast.InputObject {
		return c.object(def, v, at)
	}
	coerced, why := leaf(def, v)
	if why != "" {
		c.wrong(at, why)
	}
	return coerced
}

func (c *variables) object(def *ast.Definition, v any, at *place) any {
	given, ok := v.(map[string]any)
	if !ok {
		c.wrong(at, `Expected type "`+def.Name+`" to be an object.`)
		return nil
	}
	coerced := make(map[string]any, len(given))
	for _, field := range def.Fields {
		v, has := given[field.Name]
		switch {
		case has:
			coerced[field.Name] = c.value(field.Type, v, &place{at, "." + field.Name})
		case field.DefaultValue != nil:
			coerced[field.Name], _ = literal(c.schema, field.Type, field.DefaultValue, nil)
		case field.Type.NonNull:
			c.wrong(at, `Field "`+field.Name+`" of required type "`+field.Type.String()+`" was not provided.`)
		}
	}
	if len(coerced) < len(given) || !defined(def, given) {
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if def.Fields.ForName(name) == nil {
				c.wrong(at, "Field "+fault.Quote(name)+` is not defined by type "`+def.Name+`".`)
			}
		}
	}
	if isOneOf(def) {
		c.oneOf(def, coerced, at)
	}
	return coerced
}

// defined reports whether all fields of an object are its type's.
func defined(def *ast.Definition, given map[string]any) bool {
	for name := range given {
		if def.Fields.ForName(name) == nil {
			return false
		}
	}
	return true
}

func (c *variables) oneOf(def *ast.Definition, coerced map[string]any, at *place) {
	if len(coerced) != 1 {
		c.wrong(at, `Exactly one key must be specified for OneOf type "`+def.Name+`".`)
		return
	}
	for name, v := range coerced {
		if v == nil {
			c.wrong(&place{at, "." + name}, `Field "`+name+`" must be non-null.`)
		}
	}
}
