package graph

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/ratelimit"
	"github.com/orderwire/orderwire/internal/session"
	"github.com/orderwire/orderwire/internal/stream"
)

// subscriptions opens subscriptions by the table of their fields.
type subscriptions struct {
	schema graphql.ExecutableSchema
	fields map[string]subscriptionField
	// reading is Settings.Reading.
	reading func(context.Context, ast.Operation) context.Context
	// respond is the middleware of responses, of which each item has one.
	respond graphql.ResponseMiddleware
	present graphql.ErrorPresenterFunc
	sharing *sharing
	rates   *ratelimit.Limits
}

// subscriptionField opens the streams of one field of the type Subscription. Make it with newField.
type subscriptionField interface {
	// open returns nil when the field is refused: the errors are in ctx's response context.
	open(ctx context.Context, all *subscriptions, operation *graphql.OperationContext, s *generated.Subscribed) stream.Stream
}

// newSubscriptions panics when a field of the schema's type Subscription is missing in the table.
func newSubscriptions(s subscriptions) *subscriptions {
	for _, f := range s.schema.Schema().Subscription.Fields {
		if s.fields[f.Name] == nil {
			panic(fmt.Sprintf("graph: nothing opens the subscription %s: add it to subscriptionFields", f.Name))
		}
	}
	s.sharing = newSharing()
	return &s
}

// Subscribe implements stream.Subscriber.
func (s *subscriptions) Subscribe(ctx context.Context, operation *graphql.OperationContext) (stream.Stream, *graphql.Response) {
	if err := session.Admit(ctx); err != nil {
		return nil, sessionOver(ctx)
	}
	ctx = graphql.WithResponseContext(graphql.WithOperationContext(ctx, operation), s.present, Recover)
	if s.reading != nil {
		ctx = s.reading(ctx, ast.Subscription)
	}
	subscribed, err := generated.NewSubscribed(s.schema, operation)
	if err != nil {
		graphql.AddError(ctx, err)
	} else if opened := s.open(ctx, operation, subscribed); opened != nil {
		return opened, nil
	}
	return nil, &graphql.Response{Errors: graphql.GetErrors(ctx)}
}

func (s *subscriptions) open(ctx context.Context, operation *graphql.OperationContext, subscribed *generated.Subscribed) stream.Stream {
	field := s.fields[subscribed.Name()]
	if field == nil {
		graphql.AddErrorf(ctx, "nothing opens the subscription %s", subscribed.Name()) // the guard lets no such document pass
		return nil
	}
	return field.open(ctx, s, operation, subscribed)
}

// field is a subscriptionField: A are its arguments, *T is an item.
type field[A, T any] struct {
	*generated.SubscriptionField[A, T]
	source   func(context.Context, A) (stream.Source[T], error)
	identify func(*T) itemID

	mu sync.Mutex
	// selections has what the open subscriptions select, each once.
	selections map[selectionKey]*selection[A, T]
}

// newField returns a field that opens the source of a subscription's items, having coerced its arguments. identify identifies each item.
func newField[A, T any](of *generated.SubscriptionField[A, T], source func(context.Context, A) (stream.Source[T], error), identify func(*T) itemID) subscriptionField {
	return &field[A, T]{SubscriptionField: of, source: source, identify: identify, selections: map[selectionKey]*selection[A, T]{}}
}

func (f *field[A, T]) open(ctx context.Context, all *subscriptions, operation *graphql.OperationContext, s *generated.Subscribed) stream.Stream {
	key := selects(operation)
	source := f.Open(ctx, s, f.openSource)
	if source == nil {
		return nil
	}
	opened := &subscription[A, T]{source: source, cost: CostOf(ctx)}
	opened.selection.Store(f.hold(key, all, operation, s))
	return opened
}

// openSource opens the source of the items. What another replica can serve ends the stream instead of refusing the subscription: after an
// error of the operation stock clients stop, after a stream that ends they come back.
func (f *field[A, T]) openSource(ctx context.Context, args A) (stream.Source[T], error) {
	source, err := f.source(ctx, args)
	if errors.Is(err, stream.ErrDraining) || errors.Is(err, stream.ErrOutdated) {
		return stream.Ended[T](err), nil
	}
	return source, err
}

// subscription is one subscriber as the transport drives it: where the items come from, and what is selected of them.
type subscription[A, T any] struct {
	source    stream.Source[T]
	selection atomic.Pointer[selection[A, T]] // nil when it is closed
	waker     stream.Waker
	// cost of executing one item, as the guard has counted it.
	cost int
	// delayed is an item whose turn is later, because its user's items cost too much together.
	delayed *delayed[T]
	// began: the first item, which the operation has paid for, is out.
	began bool
}

// delayed is an item that is not sent before its time.
type delayed[T any] struct {
	item *T
	due  time.Time
}

// Notify implements stream.Stream.
func (s *subscription[A, T]) Notify(waker stream.Waker) {
	s.waker = waker
	s.source.Notify(waker)
}

// Next implements stream.Stream. Nothing is delivered to a session that is over.
func (s *subscription[A, T]) Next(ctx context.Context) (stream.Item, bool, error) {
	selection := s.selection.Load()
	if selection == nil {
		return stream.Item{}, false, stream.ErrDone
	}
	item, err := s.poll(ctx)
	if item == nil || err != nil {
		return stream.Item{}, false, err
	}
	// Here, at the last moment: the session may have ended while the item waited.
	if err := session.Admit(ctx); err != nil {
		return stream.Item{}, false, err
	}
	id := selection.field.identify(item)
	key := shareKey{id, selection.key, auth.FromContext(ctx).Role}
	if wait := s.wait(ctx, selection.all, key); wait > 0 {
		s.delayed = &delayed[T]{item, time.Now().Add(wait)}
		time.AfterFunc(wait, s.waker.Wake)
		return stream.Item{}, false, nil
	}
	response := selection.all.sharing.answer(ctx, key, func() *graphql.Response { return selection.execute(ctx, item) })
	if response == nil {
		return stream.Item{}, false, ctx.Err()
	}
	s.began = true
	return stream.Item{Cursor: id.cursor, Response: response, More: s.source.Buffered()}, true, nil
}

// poll takes the delayed item if its turn has come, else the source's next; nil when there is none.
func (s *subscription[A, T]) poll(ctx context.Context) (*T, error) {
	switch {
	case s.delayed == nil:
		return s.source.Poll(ctx)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case time.Now().Before(s.delayed.due) && !stream.IsDraining(ctx):
		return nil, nil
	}
	item := s.delayed.item
	s.delayed = nil
	return item, nil
}

// delayJitter spreads the turns of delayed items, of which one user can have thousands.
const delayJitter = time.Second

// wait returns for how long an item is to be delayed: while its customer's operations and items cost more than they may. A subscription pays
// once when it begins, and then makes the server execute something with every event, in as many selections as the customer has opened:
// without this the limit on costs would not bound them. The order of items stays, and nothing is lost: a subscription whose queue fills up
// meanwhile ends as a slow consumer's, to be resumed. What was executed for another subscriber is free, and staff, who watch everybody's
// orders, are not delayed.
func (s *subscription[A, T]) wait(ctx context.Context, all *subscriptions, key shareKey) time.Duration {
	if !s.began || key.role != auth.RoleCustomer || stream.IsDraining(ctx) || all.sharing.has(key) {
		return 0
	}
	wait := all.rates.Item(ctx, s.cost)
	if wait == 0 {
		return 0
	}
	return wait + rand.N(delayJitter) //nolint:gosec // no secret
}

// Close implements stream.Stream.
func (s *subscription[A, T]) Close() {
	if selection := s.selection.Swap(nil); selection != nil {
		s.source.Close()
		selection.release()
	}
}
