package coerce

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"

	"github.com/orderwire/orderwire/internal/fault"
)

// Literals is the rule ValuesOfCorrectType (GraphQL specification, section 5.6.1) with the verdicts of this package, the
// schema's own scalars included. Its messages have no values of the client, but names of fields; suggest adds those of the
// schema that are alike.
func Literals(schema *ast.Schema, suggest bool) validator.RuleFunc {
	return func(observers *validator.Events, add validator.AddErrFunc) {
		// A fragment is walked for each operation that spreads it, and once more by itself.
		seen := map[*ast.Value]bool{}
		check := func(t *ast.Type, v *ast.Value) {
			if v == nil || seen[v] || schema.Types[named(t)] == nil {
				return
			}
			seen[v] = true
			(&literals{schema: schema, add: add, suggest: suggest}).check(t, v)
		}
		arguments := func(definitions ast.ArgumentDefinitionList, given ast.ArgumentList) {
			for _, argument := range given {
				if definition := definitions.ForName(argument.Name); definition != nil {
					check(definition.Type, argument.Value)
				}
			}
		}
		observers.OnVariable(func(_ *validator.Walker, definition *ast.VariableDefinition) {
			if definition.Definition != nil && definition.Definition.IsInputType() {
				check(definition.Type, definition.DefaultValue)
			}
		})
		observers.OnField(func(_ *validator.Walker, field *ast.Field) {
			if field.Definition != nil {
				arguments(field.Definition.Arguments, field.Arguments)
			}
		})
		observers.OnDirective(func(_ *validator.Walker, directive *ast.Directive) {
			if directive.Definition != nil {
				arguments(directive.Definition.Arguments, directive.Arguments)
			}
		})
	}
}

type literals struct {
	schema  *ast.Schema
	add     validator.AddErrFunc
	suggest bool
}

func (l *literals) wrong(v *ast.Value, message string) {
	l.add(core.Message("%s", message), core.At(v.Position))
}

func (l *literals) check(t *ast.Type, v *ast.Value) {
	def := l.schema.Types[named(t)]
	switch v.Kind {
	case ast.Variable: // another rule compares its type with this place's
	case ast.NullValue:
		if t.NonNull {
			l.wrong(v, `Expected value of type "`+t.String()+`", found null.`)
		}
	case ast.ListValue:
		if t.Elem == nil {
			l.wrong(v, `Expected value of type "`+t.String()+`".`)
			return
		}
		for _, child := range v.Children {
			l.check(t.Elem, child.Value)
		}
	case ast.ObjectValue:
		if def.Kind != ast.InputObject {
			l.wrong(v, `Expected value of type "`+t.String()+`".`)
			return
		}
		l.object(def, v)
	case ast.IntValue, ast.FloatValue, ast.StringValue, ast.BlockValue, ast.BooleanValue, ast.EnumValue:
		if def.Kind == ast.InputObject {
			l.wrong(v, `Expected value of type "`+t.String()+`".`)
			return
		}
		if _, wrong := literalLeaf(def, v); wrong != "" {
			l.add(core.Message("%s", wrong), l.alike("Did you mean the enum value", v, def), core.At(v.Position))
		}
	default:
		l.wrong(v, "This kind of value is not known.")
	}
}

// alike suggests an enum's values for one that it does not have.
func (l *literals) alike(prefix string, v *ast.Value, def *ast.Definition) core.ErrorOption {
	var names []string
	if l.suggest && v.Kind == ast.EnumValue {
		for _, value := range def.EnumValues {
			names = append(names, value.Name)
		}
	}
	return core.SuggestListQuoted(prefix, v.Raw, names)
}

func (l *literals) unknown(def *ast.Definition, child *ast.ChildValue) {
	var names []string
	if l.suggest {
		for _, field := range def.Fields {
			names = append(names, field.Name)
		}
	}
	message := "Field " + fault.Quote(child.Name) + ` is not defined by type "` + def.Name + `".`
	l.add(core.Message("%s", message), core.SuggestListQuoted("Did you mean", child.Name, names), core.At(child.Position))
}

func (l *literals) object(def *ast.Definition, v *ast.Value) {
	for _, field := range def.Fields {
		if field.Type.NonNull && field.DefaultValue == nil && v.Children.ForName(field.Name) == nil {
			l.wrong(v, `Field "`+def.Name+"."+field.Name+`" of required type "`+field.Type.String()+`" was not provided.`)
		}
	}
	for _, child := range v.Children {
		field := def.Fields.ForName(child.Name)
		if field == nil {
			l.unknown(def, child)
			continue
		}
		l.check(field.Type, child.Value)
	}
	if !isOneOf(def) {
		return
	}
	if len(v.Children) != 1 {
		l.wrong(v, `OneOf Input Object "`+def.Name+`" must specify exactly one key.`)
		return
	}
	if child := v.Children[0]; child.Value.Kind == ast.NullValue {
		l.wrong(child.Value, `Field "`+def.Name+"."+child.Name+`" must be non-null.`)
	}
}
