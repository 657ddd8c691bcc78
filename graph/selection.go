package graph

import (
	"context"
	"crypto/sha256"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/graph/generated"
)

// selection is what an operation selects of a field's items: the document, and those variables that how an item looks depends on. A
// subscription keeps nothing else of its operation: the request, its variables and gqlgen's contexts are several kilobytes, and nearly
// all clients send the same few documents. It can be executed concurrently on any item, by anybody; who executes it decides by its
// context who is asking.
type selection[A, T any] struct {
	all   *subscriptions
	field *field[A, T]
	key   selectionKey
	// operation and subscribed are those of the subscriber that was first to select it.
	operation  *graphql.OperationContext
	subscribed *generated.Subscribed
	// users is how many subscriptions hold it, under the field's lock.
	users int
}

// hold returns the selection of an operation. Release it.
func (f *field[A, T]) hold(key selectionKey, all *subscriptions, operation *graphql.OperationContext, s *generated.Subscribed) *selection[A, T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	sel := f.selections[key]
	if sel == nil {
		sel = &selection[A, T]{all: all, field: f, key: key, operation: operation, subscribed: s}
		f.selections[key] = sel
	}
	sel.users++
	return sel
}

// release gives the selection back.
func (sel *selection[A, T]) release() {
	f := sel.field
	f.mu.Lock()
	defer f.mu.Unlock()
	if sel.users--; sel.users == 0 {
		delete(f.selections, sel.key)
	}
}

// execute returns the response that an item makes for the subscriber of ctx, or nil when ctx has ended.
func (sel *selection[A, T]) execute(ctx context.Context, item *T) *graphql.Response {
	if ctx.Err() != nil {
		return nil
	}
	ctx = graphql.WithResponseContext(graphql.WithOperationContext(ctx, sel.operation), sel.all.present, Recover)
	return sel.all.respond(ctx, func(ctx context.Context) *graphql.Response {
		data := sel.field.Render(ctx, sel.subscribed, item)
		return &graphql.Response{Data: data, Errors: graphql.GetErrors(ctx), Extensions: graphql.GetExtensions(ctx)}
	})
}

// selectionKey identifies what is selected: document, operation, and variables but for those that are only arguments of
// the subscription's own field. They decide which items come, not how one looks: watching another order is the same
// selection.
type selectionKey [sha256.Size]byte

func selects(op *graphql.OperationContext) selectionKey {
	variables := map[string]any{}
	for name := range used(op) {
		if value, given := op.Variables[name]; given {
			variables[name] = value
		}
	}
	raw, err := json.Marshal([]any{op.RawQuery, op.Operation.Name, variables})
	if err != nil {
		panic(err) // variables came as JSON
	}
	return sha256.Sum256(raw)
}

// used is the names of the variables that occur anywhere but in the arguments of the operation's own fields.
func used(op *graphql.OperationContext) map[string]struct{} {
	names := map[string]struct{}{}
	directives := func(list ast.DirectiveList) {
		for _, d := range list {
			for _, a := range d.Arguments {
				namesIn(a.Value, names)
			}
		}
	}
	var walk func(set ast.SelectionSet, root bool)
	walk = func(set ast.SelectionSet, root bool) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				directives(s.Directives)
				if !root {
					for _, a := range s.Arguments {
						namesIn(a.Value, names)
					}
				}
				walk(s.SelectionSet, false)
			case *ast.InlineFragment:
				directives(s.Directives)
				walk(s.SelectionSet, root)
			case *ast.FragmentSpread:
				directives(s.Directives)
			}
		}
	}
	directives(op.Operation.Directives)
	walk(op.Operation.SelectionSet, true)
	for _, f := range op.Doc.Fragments {
		walk(f.SelectionSet, false)
	}
	return names
}

// namesIn adds the variables in a value.
func namesIn(v *ast.Value, names map[string]struct{}) {
	if v == nil {
		return
	}
	if v.Kind == ast.Variable {
		names[v.Raw] = struct{}{}
	}
	for _, child := range v.Children {
		namesIn(child.Value, names)
	}
}
