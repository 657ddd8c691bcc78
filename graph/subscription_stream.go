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
	// respond is the middleware of responses. Each item has a response.
	respond   graphql.ResponseMiddleware
	present   graphql.ErrorPresenterFunc
	responses *responseCache
	rates     *ratelimit.Limits
}

// subscriptionField opens the streams of one field of the type Subscription. Make it with newField.
type subscriptionField interface {
	// open returns nil when it refuses the subscription. The errors are in ctx's response context then.
	open(ctx context.Context, all *subscriptions, operation *graphql.OperationContext, s *generated.Subscribed) stream.Stream
}

// newSubscriptions panics when a field of the schema's type Subscription is missing in the table.
func newSubscriptions(s subscriptions) *subscriptions {
	for _, f := range s.schema.Schema().Subscription.Fields {
		if s.fields[f.Name] == nil {
			panic(fmt.Sprintf("graph: nothing opens the subscription %s: add it to subscriptionFields", f.Name))
		}
	}
	s.responses = newResponseCache()
	return &s
}

// Subscribe implements stream.Subscriber.
func (s *subscriptions) Subscribe(ctx context.Context, operation *graphql.OperationContext) (stream.Stream, *graphql.Response) {
	if err := session.BlockIfEnded(ctx); err != nil {
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
	// selections has each selection of the open subscriptions once.
	selections map[selectionKey]*selection[A, T]
}

// newField returns a field whose subscriptions get their items from the source that source opens. identify identifies an item.
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

// openSource opens the source of the items. When another replica can serve the subscription, it returns a stream that ends instead of an
// error: stock clients reconnect when a stream ends, and stop after an error of the operation.
func (f *field[A, T]) openSource(ctx context.Context, args A) (stream.Source[T], error) {
	source, err := f.source(ctx, args)
	if errors.Is(err, stream.ErrDraining) || errors.Is(err, stream.ErrOutdated) {
		return stream.Ended[T](err), nil
	}
	return source, err
}

// subscription is the stream of one subscriber, which a transport reads: the source of its items, and the selection of them.
type subscription[A, T any] struct {
	source    stream.Source[T]
	selection atomic.Pointer[selection[A, T]] // nil after Close
	waker     stream.Waker
	// cost of executing one item, counted by package guard.
	cost int
	// delayed is an item that waits because its customer's items cost too much together; nil for none.
	delayed *delayed[T]
	// began is true once the first item was returned. The operation's own cost has paid for that one.
	began bool
}

// delayed is an item that is not returned before due.
type delayed[T any] struct {
	item *T
	due  time.Time
}

// Notify implements stream.Stream.
func (s *subscription[A, T]) Notify(waker stream.Waker) {
	s.waker = waker
	s.source.Notify(waker)
}

// Next implements stream.Stream. It delivers nothing to a session that is over.
func (s *subscription[A, T]) Next(ctx context.Context) (stream.Item, bool, error) {
	selection := s.selection.Load()
	if selection == nil {
		return stream.Item{}, false, stream.ErrDone
	}
	item, err := s.poll(ctx)
	if item == nil || err != nil {
		return stream.Item{}, false, err
	}
	// Checked last, because the session may have ended while the item waited.
	if err := session.BlockIfEnded(ctx); err != nil {
		return stream.Item{}, false, err
	}
	id := selection.field.identify(item)
	key := responseKey{id, selection.key, auth.FromContext(ctx).Role}
	if wait := s.wait(ctx, selection.all, key); wait > 0 {
		s.delayed = &delayed[T]{item, time.Now().Add(wait)}
		time.AfterFunc(wait, s.waker.Wake)
		return stream.Item{}, false, nil
	}
	response := selection.all.responses.answer(ctx, key, func() *graphql.Response { return selection.execute(ctx, item) })
	if response == nil {
		return stream.Item{}, false, ctx.Err()
	}
	s.began = true
	return stream.Item{Cursor: id.cursor, Response: response, More: s.source.Buffered()}, true, nil
}

// poll returns the delayed item once it is due, else the source's next one; nil when there is none.
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

// delayJitter spreads the times of delayed items, of which one customer can have thousands.
const delayJitter = time.Second

// wait returns for how long to delay an item; 0 for not at all.
//
// A subscription costs its customer once when it begins, and then makes the server execute a selection for each event. Without more, the
// limit on costs would not bound that. So each further item counts its cost of execution, and is delayed while the customer is
// above the limit. The order of items stays, and none is lost: a subscription whose queue fills up meanwhile ends as a slow
// consumer's, to be resumed. A response that was executed for another subscriber costs nothing, and staff, who watch all orders,
// are never delayed.
func (s *subscription[A, T]) wait(ctx context.Context, all *subscriptions, key responseKey) time.Duration {
	if !s.began || key.role != auth.RoleCustomer || stream.IsDraining(ctx) || all.responses.has(key) {
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
