package stream

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
)

// Source is where the items of one subscription come from, *T each. It has no goroutine: Poll returns what there is. Its
// methods other than Close are never called concurrently.
type Source[T any] interface {
	// Notify names who is woken when Poll, having found nothing, is to be called again. It is called before Poll.
	Notify(Waker)
	// Poll returns the next item, or nil when there is none now. It does not wait for one, though it may read from a database. An
	// error ends the subscription; which ones there are says Stream.Next.
	Poll(ctx context.Context) (*T, error)
	// Waiting reports whether Poll finds its next item in memory.
	Waiting() bool
	// Close gives back what the source holds. It may be called more than once.
	Close()
}

// Ended returns a source that has no items and ends with err.
func Ended[T any](err error) Source[T] { return ended[T]{err} }

type ended[T any] struct{ err error }

// Notify implements Source.
func (ended[T]) Notify(Waker) {}

// Poll implements Source.
func (e ended[T]) Poll(context.Context) (*T, error) { return nil, e.err }

// Waiting implements Source.
func (ended[T]) Waiting() bool { return false }

// Close implements Source.
func (ended[T]) Close() {}

// Subscriber is a graphql.GraphExecutor that opens subscriptions.
type Subscriber interface {
	// Subscribe opens an operation's stream, which the caller closes. A subscription that is refused has a response instead, with errors
	// and without data.
	Subscribe(ctx context.Context, operation *graphql.OperationContext) (Stream, *graphql.Response)
}

// Subscribe opens a subscription's stream with the executor that a transport was given, as Subscriber says.
func Subscribe(ctx context.Context, exec graphql.GraphExecutor, operation *graphql.OperationContext) (Stream, *graphql.Response) {
	if subscriber, ok := exec.(Subscriber); ok {
		return subscriber.Subscribe(ctx, operation)
	}
	return nil, exec.DispatchError(graphql.WithOperationContext(ctx, operation), gqlerror.List{{
		Err: fault.New(fault.Internal, "this server opens no subscriptions"), Message: "this server opens no subscriptions",
	}})
}
