// Package stream has the interfaces between a subscription and the transport that serves it: the next result when there is one,
// which cursor it carries, when to ask again, and why the stream ended.
//
// gqlgen's own interface is a channel that a goroutine per subscription waits on. Here nothing waits: a Subscriber opens a
// Stream, the transport takes what there is, and is woken when there is more. So an idle subscription has no goroutine. A Stream
// renders the items of a Source.
package stream

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/fault"
)

// Item is one result of a subscription.
type Item struct {
	// Cursor continues after this item.
	Cursor string
	// Response is the executed selection. It may be shared with other subscribers: do not change it.
	Response *graphql.Response
	// More: the next item is in memory, so that Next returns it at once. The transport may send both together.
	More bool
}

// Waker is told that a Stream may have something. Wake does not block, and may be called at any time, also while Next
// runs and after Close, from any goroutine, with locks held that Next takes: it must not call the Stream itself.
type Waker interface{ Wake() }

// Stream is one subscription. Its methods other than Close are never called concurrently.
type Stream interface {
	// Notify names who is woken when Next, having found nothing, is to be called again. It is called once, before Next.
	Notify(Waker)
	// Next returns the next item; ok is false when there is none now. It does not wait for one, though it may read from a
	// database. ctx has the values of the operation's context; while its connection drains (WithDrain), Next hands out
	// what is queued already and then returns ErrDraining.
	//
	// An error ends the stream and is one of: ErrDone, ErrDraining, ErrOutdated, *SlowConsumerError, the context's error, a
	// *fault.Error, which ends this operation alone and is shown to the client, or any other error, which the transport
	// logs and reports as internal.
	Next(ctx context.Context) (item Item, ok bool, err error)
	// Close gives back what the stream holds. The transport calls it when it is done with the stream, whatever the reason.
	// It may be called more than once.
	Close()
}

// ErrDone ends a stream regularly: the transport sends complete. It is an error of its own because io.EOF may come
// wrapped from a broken connection, which is no regular end.
var ErrDone = errors.New("stream is done")

// ErrDraining ends a stream because the server is shutting down: websocket close code 1012.
var ErrDraining = errors.New("server is draining, reconnect and resume")

// ErrOutdated ends a stream whose next item holds what only a later version of the server knows, written by a replica of that version
// while replicas are replaced: websocket close code 1013. The item is neither skipped nor sent in part. The client reconnects, and a
// replica of the later version goes on from its last cursor.
var ErrOutdated = errors.New("this server is older than the next item, reconnect and resume")

// ErrUnanswered is what a client is told of a query or a mutation that has begun and will not be answered, because its
// connection ends first. Stock clients send again what a connection that ends has left open, mutations too; an error is the
// end of it for them.
var ErrUnanswered = fault.New(fault.Unavailable,
	"The connection was ended before the operation was answered. Read what became of it before you send it again.")

// SlowConsumerError ends a stream whose bounded queue is full: websocket close code 4008. Nothing is lost: the client
// resumes with its last cursor.
type SlowConsumerError struct {
	// Cursor is that of the last item that was handed out; empty when there was none.
	Cursor string
}

func (e *SlowConsumerError) Error() string {
	return "slow consumer: resume with the last cursor as `after`"
}
