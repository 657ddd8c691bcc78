package stream

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
)

// Source yields the items of one subscription, of type *T. It has no goroutine. Its methods except Close are never called
// concurrently.
type Source[T any] interface {
	// Notify sets the waker that is woken when a Poll that found nothing should be repeated. It is called before Poll.
	Notify(Waker)
	// Poll returns the next item, or nil when there is none now. It may read from a database but does not wait for an item.
	// An error ends the subscription; Stream.Next lists the errors.
	Poll(ctx context.Context) (*T, error)
	// Buffered reports whether the next item is in memory.
	Buffered() bool
	// Close releases what the source holds. It may be called more than once.
	Close()
}

// Ended returns a source that has no items and ends with err.
func Ended[T any](err error) Source[T] { return ended[T]{err} }

type ended[T any] struct{ err error }

// Notify implements Source.
func (ended[T]) Notify(Waker) {}

// Poll implements Source.
func (e ended[T]) Poll(context.Context) (*T, error) { return nil, e.err }

// Buffered implements Source.
func (ended[T]) Buffered() bool { return false }

// Close implements Source.
func (ended[T]) Close() {}

// Subscriber is a graphql.GraphExecutor that opens subscriptions.
type Subscriber interface {
	// Subscribe opens the stream of an operation; the caller closes it. A refused subscription returns a response instead,
	// with errors and without data.
	Subscribe(ctx context.Context, operation *graphql.OperationContext) (Stream, *graphql.Response)
}

// Subscribe opens a subscription's stream with the executor that the transport was given.
func Subscribe(ctx context.Context, exec graphql.GraphExecutor, operation *graphql.OperationContext) (Stream, *graphql.Response) {
	if subscriber, ok := exec.(Subscriber); ok {
		return subscriber.Subscribe(ctx, operation)
	}
	return nil, exec.DispatchError(graphql.WithOperationContext(ctx, operation), gqlerror.List{{
		Err: fault.New(fault.Internal, "this server opens no subscriptions"), Message: "this server opens no subscriptions",
	}})
}
