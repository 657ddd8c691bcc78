package coerce

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Arguments coerces those of a field of a validated document with the coerced variables. The error is BAD_USER_INPUT at the
// argument: only null, or a variable that was not given, can still be wrong here. Arguments that were not given and have no
// default are left out.
func Arguments(schema *ast.Schema, field *ast.Field, variables map[string]any) (map[string]any, *gqlerror.Error) {
	return arguments(schema, field.Definition.Arguments, field.Arguments, field.Position, variables)
}

func arguments(schema *ast.Schema, definitions ast.ArgumentDefinitionList, given ast.ArgumentList, at *ast.Position, variables map[string]any) (map[string]any, *gqlerror.Error) {
	coerced := make(map[string]any, len(given))
	for _, definition := range definitions {
		argument, t := given.ForName(definition.Name), definition.Type
		unset := argument != nil && missing(argument.Value, variables)
		if argument == nil || unset {
			switch {
			case definition.DefaultValue != nil:
				coerced[definition.Name], _ = literal(schema, t, definition.DefaultValue, nil)
			case t.NonNull && unset:
				return nil, refusal(`Argument "`+definition.Name+`" of required type "`+t.String()+`" was provided the variable "$`+
					argument.Value.Raw+`" which was not provided a runtime value.`, argument.Value.Position)
			case t.NonNull:
				return nil, refusal(`Argument "`+definition.Name+`" of required type "`+t.String()+`" was not provided.`, at)
			}
			continue
		}
		if t.NonNull && isNull(argument.Value, variables) {
			return nil, refusal(`Argument "`+definition.Name+`" of non-null type "`+t.String()+`" must not be null.`, argument.Value.Position)
		}
		v, ok := literal(schema, t, argument.Value, variables)
		if !ok {
			return nil, refusal(`Argument "`+definition.Name+`" has an invalid value: a variable in it is null or was not provided.`, argument.Value.Position)
		}
		coerced[definition.Name] = v
	}
	return coerced, nil
}

func isNull(v *ast.Value, variables map[string]any) bool {
	return v.Kind == ast.NullValue || v.Kind == ast.Variable && variables[v.Raw] == nil
}

// missing is a variable that has no value, not even null.
func missing(v *ast.Value, variables map[string]any) bool {
	if v.Kind != ast.Variable {
		return false
	}
	_, given := variables[v.Raw]
	return !given
}

// literal is the value of a literal with its variables. It reports false where no value of the type results.
func literal(schema *ast.Schema, t *ast.Type, v *ast.Value, variables map[string]any) (any, bool) {
	switch {
	case v.Kind == ast.Variable:
		value, given := variables[v.Raw]
		return value, given && (value != nil || !t.NonNull) // its type was compared with this place's
	case v.Kind == ast.NullValue:
		return nil, !t.NonNull
	case t.Elem != nil && v.Kind != ast.ListValue: // a value stands for a list of it
		element, ok := literal(schema, t.Elem, v, variables)
		return []any{element}, ok
	case t.Elem != nil:
		list := make([]any, len(v.Children))
		for i, child := range v.Children {
			if missing(child.Value, variables) && !t.Elem.NonNull {
				continue
			}
			element, ok := literal(schema, t.Elem, child.Value, variables)
			if !ok {
				return nil, false
			}
			list[i] = element
		}
		return list, true
	}
	def := schema.Types[t.NamedType]
	if def.Kind != ast.InputObject {
		coerced, wrong := literalLeaf(def, v)
		return coerced, wrong == ""
	}
	return literalObject(schema, def, v, variables)
}

func literalObject(schema *ast.Schema, def *ast.Definition, v *ast.Value, variables map[string]any) (any, bool) {
	if v.Kind != ast.ObjectValue {
		return nil, false
	}
	object := make(map[string]any, len(v.Children))
	for _, field := range def.Fields {
		child := v.Children.ForName(field.Name)
		if child == nil || missing(child, variables) {
			switch {
			case field.DefaultValue != nil:
				object[field.Name], _ = literal(schema, field.Type, field.DefaultValue, nil)
			case field.Type.NonNull:
				return nil, false
			}
			continue
		}
		value, ok := literal(schema, field.Type, child, variables)
		if !ok {
			return nil, false
		}
		object[field.Name] = value
	}
	if isOneOf(def) {
		for _, value := range object {
			if value == nil {
				return nil, false
			}
		}
		return object, len(object) == 1
	}
	return object, true
}

// Conditions refuses an operation of a validated document whose @skip or @include is given null, which is neither true nor
// false: BAD_USER_INPUT at the value. The document's other operations do not count.
func Conditions(operation *ast.OperationDefinition, variables map[string]any) *gqlerror.Error {
	c := conditions{variables: variables, seen: map[*ast.FragmentDefinition]bool{}}
	nullable := false // most operations need no second look
	for _, definition := range operation.VariableDefinitions {
		if named(definition.Type) == "Boolean" && variables[definition.Variable] == nil {
			nullable = true
		}
	}
	if !nullable {
		return nil
	}
	return c.set(operation.SelectionSet)
}

type conditions struct {
	variables map[string]any
	seen      map[*ast.FragmentDefinition]bool
}

func (c *conditions) set(set ast.SelectionSet) *gqlerror.Error {
	for _, selection := range set {
		var directives ast.DirectiveList
		var inner ast.SelectionSet
		switch selection := selection.(type) {
		case *ast.Field:
			directives, inner = selection.Directives, selection.SelectionSet
		case *ast.InlineFragment:
			directives, inner = selection.Directives, selection.SelectionSet
		case *ast.FragmentSpread:
			directives = selection.Directives
			if !c.seen[selection.Definition] {
				c.seen[selection.Definition] = true
				inner = selection.Definition.SelectionSet
			}
		}
		for _, d := range directives {
			for _, a := range d.Arguments {
				if a.Name == "if" && isNull(a.Value, c.variables) {
					return refusal(`Argument "if" of non-null type "Boolean!" must not be null.`, a.Value.Position)
				}
			}
		}
		if err := c.set(inner); err != nil {
			return err
		}
	}
	return nil
}
