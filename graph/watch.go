package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// Watcher starts subscriptions.
type Watcher interface {
	WatchOrder(ctx context.Context, p auth.Principal, orderID uuid.UUID, after string) (Subscription, error)
	WatchFeed(ctx context.Context, p auth.Principal, filter FeedFilter, after string) (Subscription, error)
}

// Subscription is one stream of updates. Next is not called concurrently with itself.
type Subscription interface {
	Next(ctx context.Context) (*Update, error)
	Close()
}

// FeedFilter narrows a feed. Zero fields do not narrow.
type FeedFilter struct {
	Statuses   []order.Status
	Types      []order.EventType
	CustomerID uuid.UUID
}

// Update is one item of a subscription.
type Update struct {
	Kind   string
	Cursor string
	Event  *order.Event
	Order  *order.Order
}

// cursorAfter is the cursor to continue from: the transport's word is newer than the argument's.
func cursorAfter(ctx context.Context, argument *string) string {
	if cursor := stream.LastCursor(ctx); cursor != "" || argument == nil {
		return cursor
	}
	return *argument
}

// deliver connects a subscription with the transport. A transport that offers a slot pulls each item when it can send
// it; for any other one a goroutine pulls. The subscription is closed when ctx ends.
func deliver(ctx context.Context, sub Subscription) <-chan *model.OrderUpdate {
	items := make(chan *model.OrderUpdate, 1)
	pull := func(ctx context.Context) (string, error) {
		update, err := sub.Next(ctx)
		if err != nil {
			return "", err
		}
		select {
		case items <- toUpdate(update):
			return update.Cursor, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if stream.Register(ctx, pull) {
		context.AfterFunc(ctx, sub.Close)
		return items
	}
	go func() {
		defer close(items)
		defer sub.Close()
		for {
			if _, err := pull(ctx); err != nil {
				return
			}
		}
	}()
	return items
}

func toUpdate(u *Update) *model.OrderUpdate {
	update := &model.OrderUpdate{Kind: model.OrderUpdateKind(u.Kind), Cursor: u.Cursor, Order: u.Order}
	if u.Event != nil {
		update.Event = model.NewEvent(u.Event)
	}
	return update
}
