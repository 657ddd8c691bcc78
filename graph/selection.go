package graph

import (
	"context"
	"crypto/sha256"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/graph/generated"
)

// selection is an operation's selection of a field's items: the document, and the variables that affect an item's response. All
// subscriptions with the same document and variables share one, and keep nothing else of their operations: a request, its variables and
// gqlgen's contexts take several kilobytes, and nearly all clients send the same few documents. It may be executed concurrently, on any
// item; the context says for which subscriber.
type selection[A, T any] struct {
	all   *subscriptions
	field *field[A, T]
	key   selectionKey
	// operation and subscribed are those of its first subscriber.
	operation  *graphql.OperationContext
	subscribed *generated.Subscribed
	// users counts the subscriptions that hold it. The field's lock guards it.
	users int
}

// hold returns the selection of an operation, which the caller must release.
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

// release ends the caller's use of the selection. The last one removes it from the field.
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

// selectionKey identifies a selection: the document, the operation's name, and its variables without those that are only arguments of the
// subscription's own field. These decide which items come, not how one looks, so that subscriptions to different orders share a selection.
type selectionKey [sha256.Size]byte

// selects returns the key of an operation's selection.
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

// used returns the names of the variables that occur anywhere else than in the arguments of the operation's own fields.
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

// namesIn adds the names of a value's variables to names.
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
