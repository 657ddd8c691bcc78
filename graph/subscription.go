package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/stream"
)

// subscriptionFields maps each field of the type Subscription to its opener and the identity of its items.
func (r *Resolver) subscriptionFields() map[string]subscriptionField {
	return map[string]subscriptionField{
		"orderEvents": newField(&generated.SubscriptionOrderEvents, r.openOrderEvents, identifyUpdate),
		"orderFeed":   newField(&generated.SubscriptionOrderFeed, r.openOrderFeed, identifyUpdate),
	}
}

// Subscription implements generated.ResolverRoot.
func (*Resolver) Subscription() generated.SubscriptionResolver { return generated.UnusedResolver{} }

func (r *Resolver) openOrderEvents(ctx context.Context, args generated.OrderEventsArgs) (stream.Source[event.Update], error) {
	orderID, err := id.Parse[id.Order](args.OrderID)
	if err != nil {
		return nil, err
	}
	cursor, err := cursorAfter(ctx, args.After)
	if err != nil {
		return nil, err
	}
	return r.Hub.WatchOrder(ctx, auth.FromContext(ctx), orderID, cursor)
}

func (r *Resolver) openOrderFeed(ctx context.Context, args generated.OrderFeedArgs) (stream.Source[event.Update], error) {
	p := auth.FromContext(ctx)
	filter, err := toFeedFilter(p, args.Filter)
	if err != nil {
		return nil, err
	}
	cursor, err := cursorAfter(ctx, args.After)
	if err != nil {
		return nil, err
	}
	return r.Hub.WatchFeed(ctx, p, filter, cursor)
}

// identifyUpdate identifies an update by its kind and its cursor, which stands for an order's version or a position in the feed.
func identifyUpdate(u *event.Update) itemID { return itemID{kind: string(u.Kind), cursor: u.Cursor} }

// cursorAfter returns the cursor to continue after, "" to begin with a snapshot. A transport's cursor (SSE's Last-Event-ID) is newer than
// the argument. An empty argument is INVALID_CURSOR: no item has such a cursor.
func cursorAfter(ctx context.Context, argument *string) (string, error) {
	if cursor := stream.LastCursor(ctx); cursor != "" || argument == nil {
		return cursor, nil
	}
	if *argument == "" {
		return "", fault.New(fault.InvalidCursor, "after is empty; leave it out to begin with a snapshot.")
	}
	return *argument, nil
}
