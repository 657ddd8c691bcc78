package guard

import "github.com/vektah/gqlparser/v2/ast"

// visitor calls a function for each part of its kind in a document, wherever it stands, outer parts first. A function may be nil.
type visitor struct {
	// text is called for each string, block strings included.
	text      func(*ast.Value)
	directive func(*ast.Directive)
	inline    func(*ast.InlineFragment)
	spread    func(*ast.FragmentSpread)
}

func (v visitor) document(query *ast.QueryDocument) {
	for _, operation := range query.Operations {
		for _, variable := range operation.VariableDefinitions {
			v.value(variable.DefaultValue)
			v.directives(variable.Directives)
		}
		v.directives(operation.Directives)
		v.selections(operation.SelectionSet)
	}
	for _, fragment := range query.Fragments {
		v.directives(fragment.Directives)
		v.selections(fragment.SelectionSet)
	}
}

func (v visitor) selections(set ast.SelectionSet) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			v.arguments(selection.Arguments)
			v.directives(selection.Directives)
			v.selections(selection.SelectionSet)
		case *ast.InlineFragment:
			visit(v.inline, selection)
			v.directives(selection.Directives)
			v.selections(selection.SelectionSet)
		case *ast.FragmentSpread:
			visit(v.spread, selection)
			v.directives(selection.Directives)
		}
	}
}

func (v visitor) directives(list ast.DirectiveList) {
	for _, directive := range list {
		visit(v.directive, directive)
		v.arguments(directive.Arguments)
	}
}

func (v visitor) arguments(list ast.ArgumentList) {
	for _, argument := range list {
		v.value(argument.Value)
	}
}

func (v visitor) value(value *ast.Value) {
	if value == nil {
		return
	}
	if value.Kind == ast.StringValue || value.Kind == ast.BlockValue {
		visit(v.text, value)
	}
	for _, child := range value.Children {
		v.value(child.Value)
	}
}

func visit[T any](do func(T), part T) {
	if do != nil {
		do(part)
	}
}
