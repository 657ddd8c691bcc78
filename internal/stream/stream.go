// Package stream is what a subscription resolver and the transport that serves it say to each other beside the
// GraphQL response: which cursor an item carries, and why a stream ended.
//
// gqlgen's response handler receives one value from the resolver's channel, runs the selection on it and returns the
// bytes. It knows neither the item's cursor (SSE needs it for "id:") nor the reason of an end (a websocket needs it
// for the close code). So the resolver returns a channel with one slot and registers a Pull: the transport calls Pull,
// which waits for the next item and puts it into the slot, and then the handler, which finds it there.
package stream

import (
	"context"
	"errors"
	"sync"
)

// Pull waits for the next item, puts it into the resolver's one-slot channel and returns its cursor.
// An error ends the stream and is one of: ErrDone, ErrDraining, *SlowConsumerError, the context's error, a
// *fault.Error, which ends this operation alone and is shown to the client, or any other error, which the transport
// logs and reports as internal. It is never called concurrently with itself.
type Pull func(ctx context.Context) (cursor string, err error)

// ErrDone ends a stream regularly: the transport sends complete. It is an error of its own because io.EOF may come
// wrapped from a broken connection, which is no regular end.
var ErrDone = errors.New("stream is done")

// ErrDraining ends a stream because the server is shutting down: websocket close code 1012.
var ErrDraining = errors.New("server is draining, reconnect and resume")

// SlowConsumerError ends a stream whose bounded queue is full: websocket close code 4008. Nothing is lost: the client
// resumes with its last cursor.
type SlowConsumerError struct {
	// Cursor is that of the last item that was handed out; empty when there was none.
	Cursor string
}

func (e *SlowConsumerError) Error() string {
	return "slow consumer: resume with the last cursor as `after`"
}

// Slot is where a resolver leaves its Pull for the transport.
type Slot struct {
	mu   sync.Mutex
	pull Pull
}

// Pull returns what the resolver registered, or nil when the operation's resolver did not (then the handler alone
// drives the stream, as in stock gqlgen).
func (s *Slot) Pull() Pull {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pull
}

type contextKey struct{}

// NewContext returns a context in which one subscription's resolver can register its Pull.
// A transport makes one for each subscription operation before dispatching it.
func NewContext(ctx context.Context) (context.Context, *Slot) {
	slot := &Slot{}
	return context.WithValue(ctx, contextKey{}, slot), slot
}

// Register leaves pull for the transport. It reports false when the transport offers no slot.
func Register(ctx context.Context, pull Pull) bool {
	slot, ok := ctx.Value(contextKey{}).(*Slot)
	if !ok {
		return false
	}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	slot.pull = pull
	return true
}
