package graph

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/ratelimit"
)

// selections has what the open subscriptions select, each once. A subscription keeps nothing else of its operation: the
// request, its variables and gqlgen's contexts are several kilobytes, and nearly all clients send the same few documents.
type selections struct {
	exec    graphql.GraphExecutor
	sharing *sharing
	rates   *ratelimit.Limits

	mu   sync.Mutex
	open map[selectionKey]*selection
}

func newSelections(exec graphql.GraphExecutor, rates *ratelimit.Limits) *selections {
	return &selections{exec: exec, sharing: newSharing(), rates: rates, open: map[selectionKey]*selection{}}
}

type selectionsKey struct{}

// provide lets the subscriptions' resolvers find s. It is a graphql.OperationMiddleware.
func (s *selections) provide(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	return next(context.WithValue(ctx, selectionsKey{}, s))
}

// selection is a subscription's document and the variables that what is selected depends on. It can be executed on any
// item, by anybody; who executes decides by its context who is asking.
type selection struct {
	all       *selections
	key       selectionKey
	operation *graphql.OperationContext // of who was first to select it
	// idle has executions that are not in use.
	idle sync.Pool
	// users is how many subscriptions hold it, under the lock of all.
	users int
}

// hold returns the operation's selection. Release it.
func (s *selections) hold(op *graphql.OperationContext) *selection {
	key := selects(op)
	s.mu.Lock()
	defer s.mu.Unlock()
	sel := s.open[key]
	if sel == nil {
		sel = &selection{all: s, key: key, operation: op}
		s.open[key] = sel
	}
	sel.users++
	return sel
}

// release gives the selection back.
func (sel *selection) release() {
	s := sel.all
	s.mu.Lock()
	defer s.mu.Unlock()
	if sel.users--; sel.users == 0 {
		delete(s.open, sel.key)
	}
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

// execution is one run through gqlgen that can be repeated: the handler takes an item from the channel.
type execution struct {
	items   chan *event.Update
	respond graphql.ResponseHandler
}

// execute runs the selection on an item for the subscriber of ctx. nil when ctx has ended.
func (sel *selection) execute(ctx context.Context, item *event.Update) *graphql.Response {
	run, ok := sel.idle.Get().(*execution)
	if !ok {
		run = sel.prepare()
	}
	run.items <- item // it has room for one
	response := run.respond(graphql.WithOperationContext(ctx, sel.operation))
	if response == nil {
		return nil // the item may be in the channel still
	}
	response.Data = bytes.Clone(response.Data) // the next answer is written into the same buffer
	sel.idle.Put(run)
	return response
}

type itemsKey struct{}

// prepare dispatches the operation once more; its resolver finds the channel in the context.
func (sel *selection) prepare() *execution {
	run := &execution{items: make(chan *event.Update, 1)}
	// Not in a subscriber's context, so that nothing of who happens to come first is kept: what is executed runs in the
	// context that the handler is called with.
	ctx := context.WithValue(context.Background(), itemsKey{}, run.items)
	run.respond, _ = sel.all.exec.DispatchOperation(ctx, sel.operation)
	return run
}

// executing is the channel of an execution's items; nil in a subscriber's own operation.
func executing(ctx context.Context) <-chan *event.Update {
	items, _ := ctx.Value(itemsKey{}).(chan *event.Update)
	return items
}
