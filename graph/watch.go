package graph

import (
	"context"

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

// deliver connects a subscription with the transport. A transport that offers a slot pulls each item when it can send
// it; for any other one a goroutine pulls. Nothing is delivered to a session that is over. The subscription is closed
// when ctx ends.
func deliver(ctx context.Context, sub *event.Subscription) <-chan *event.Update {
	items := make(chan *event.Update, 1)
	w := &watched{}
	pull := func(ctx context.Context) (string, error) {
		update, err := sub.Next(ctx)
		if err != nil {
			return "", err
		}
		// Here, at the last moment: the session may have ended while the item waited.
		if err := session.Admit(ctx); err != nil {
			return "", err
		}
		w.item = update
		select {
		case items <- update:
			return update.Cursor, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if stream.Register(ctx, pull) {
		// Only here is the item in the slot the one that the handler executes next.
		if shared, ok := ctx.Value(watchedKey{}).(*watched); ok {
			w = shared
			w.items = items
		}
		context.AfterFunc(ctx, sub.Close)
		return items
	}
	go func() {
		defer close(items)
		defer sub.Close()
		for {
			if _, err := pull(ctx); err != nil {
				return // such a transport has no way to hear why
			}
		}
	}()
	return items
}
