package graph

import (
	"context"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/session"
	"github.com/orderwire/orderwire/internal/stream"
)

// cursorAfter is the cursor to continue from, "" for a snapshot: the transport's word is newer than the argument's.
// INVALID_CURSOR for an empty argument, which is nothing that we gave out.
func cursorAfter(ctx context.Context, argument *string) (string, error) {
	if cursor := stream.LastCursor(ctx); cursor != "" || argument == nil {
		return cursor, nil
	}
	if *argument == "" {
		return "", fault.New(fault.InvalidCursor, "after is empty; leave it out to begin with a snapshot.")
	}
	return *argument, nil
}

// watching is a subscription as the transport takes it: an event.Subscription, and what is selected of its items.
type watching struct {
	sub       *event.Subscription
	selection *selection
	closed    atomic.Bool
}

var _ stream.Stream = (*watching)(nil)

// Notify implements stream.Stream.
func (w *watching) Notify(waker stream.Waker) { w.sub.Notify(waker) }

// Next implements stream.Stream. Nothing is delivered to a session that is over.
func (w *watching) Next(ctx context.Context) (stream.Item, bool, error) {
	update, err := w.sub.Poll(ctx)
	if update == nil || err != nil {
		return stream.Item{}, false, err
	}
	// Here, at the last moment: the session may have ended while the item waited.
	if err := session.Admit(ctx); err != nil {
		return stream.Item{}, false, err
	}
	response := w.selection.all.sharing.answer(ctx, w.selection, update)
	if response == nil {
		return stream.Item{}, false, ctx.Err()
	}
	return stream.Item{Cursor: update.Cursor, Response: response, More: w.sub.Waiting()}, true, nil
}

// Close implements stream.Stream.
func (w *watching) Close() {
	if w.closed.CompareAndSwap(false, true) {
		w.sub.Close()
		w.selection.release()
	}
}

// deliver connects a subscription with the transport. One that offers a slot takes each item when it can send it, and
// then closes the subscription; for any other one a goroutine waits, and it is closed when ctx ends.
func deliver(ctx context.Context, sub *event.Subscription) <-chan *event.Update {
	items := make(chan *event.Update, 1)
	if all, ok := ctx.Value(selectionsKey{}).(*selections); ok && stream.Offered(ctx) {
		stream.Register(ctx, &watching{sub: sub, selection: all.hold(graphql.GetOperationContext(ctx))})
		return items // from which nobody receives
	}
	go func() {
		defer close(items)
		defer sub.Close()
		for {
			update, err := sub.Next(ctx)
			if err == nil {
				err = session.Admit(ctx)
			}
			if err != nil {
				return // such a transport has no way to hear why
			}
			select {
			case items <- update:
			case <-ctx.Done():
				return
			}
		}
	}()
	return items
}
