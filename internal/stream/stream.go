// Package stream has the interfaces between a subscription and the transport that serves it.
//
// gqlgen's interface is a channel for which each subscription needs a waiting goroutine. Here an idle subscription has none:
// a Subscriber opens a Stream, the transport asks it for items until there are none, and a Waker tells the transport when to
// ask again. A Stream renders the items of a Source.
package stream

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/fault"
)

// Item is one result of a subscription.
type Item struct {
	// Cursor resumes after this item.
	Cursor string
	// Response is the result of the item's selection. Other subscribers may share it, so it must not be changed.
	Response *graphql.Response
	// More reports that the next item is in memory, so that the transport may send both together.
	More bool
}

// Waker learns that a Stream may have an item. Wake does not block. It may be called at any time and from any goroutine,
// also during Next and after Close, and with locks held that Next takes. So it must not call the Stream.
type Waker interface{ Wake() }

// Stream is one subscription. Its methods except Close are never called concurrently.
type Stream interface {
	// Notify sets the waker that is woken when a Next that found nothing should be repeated. It is called once, before Next.
	Notify(Waker)
	// Next returns the next item; ok is false when there is none now. It may read from a database but does not wait for an
	// item. ctx has the values of the operation's context. While its connection drains (WithDrain), Next hands out the
	// queued items and then returns ErrDraining.
	//
	// An error ends the stream. It is one of ErrDone, ErrDraining, ErrOutdated, *SlowConsumerError and the context's error;
	// or a *fault.Error, which ends only this operation and is shown to the client; or any other error, which the transport
	// logs and reports as internal.
	Next(ctx context.Context) (item Item, ok bool, err error)
	// Close releases what the stream holds. The transport calls it when it needs the stream no longer, for whatever reason.
	// It may be called more than once.
	Close()
}

// ErrDone ends a stream regularly, and the transport sends complete. It is not io.EOF, which may come wrapped from a broken
// connection.
var ErrDone = errors.New("stream is done")

// ErrDraining ends a stream because the server is shutting down: websocket close code 1012.
var ErrDraining = errors.New("server is draining, reconnect and resume")

// ErrOutdated ends a stream whose next item was written by a replica of a later version, while replicas are being replaced,
// and which this version does not know: websocket close code 1013. The item is neither skipped nor sent in part. The client
// reconnects, and a replica of the later version continues after its last cursor.
var ErrOutdated = errors.New("this server is older than the next item, reconnect and resume")

// ErrUnanswered tells a client that a query or a mutation has begun and will not be answered, because its connection ends first.
// When a connection ends, stock clients repeat its unanswered operations, even mutations. An error ends the operation, so they do
// not.
var ErrUnanswered = fault.New(fault.Unavailable,
	"The connection ended before the operation was answered. Look up its result before you send it again.")

// SlowConsumerError ends a stream whose bounded queue is full: websocket close code 4008. Nothing is lost: the client
// resumes with its last cursor.
type SlowConsumerError struct {
	// Cursor is the cursor of the last item handed out; empty when there was none.
	Cursor string
}

func (e *SlowConsumerError) Error() string {
	return "slow consumer: resume with the last cursor as `after`"
}
