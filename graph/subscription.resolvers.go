package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// Event is the resolver for the event field.
func (r *orderUpdateResolver) Event(ctx context.Context, obj *event.Update) (model.OrderEvent, error) {
	if obj.Event == nil {
		return nil, nil
	}
	return model.NewEvent(obj.Event)
}

// Order is the resolver for the order field.
func (r *orderUpdateResolver) Order(ctx context.Context, obj *event.Update) (*order.Order, error) {
	if obj.Order != nil {
		scopeOf(ctx).hold(obj.Order)
	}
	return obj.Order, nil
}

// OrderEvents is the resolver for the orderEvents field.
func (r *subscriptionResolver) OrderEvents(ctx context.Context, orderID string, after *string) (<-chan *event.Update, error) {
	if items := executing(ctx); items != nil {
		return items, nil
	}
	p := auth.FromContext(ctx)
	id, err := id.Parse(id.Order, orderID)
	if err != nil {
		return nil, err
	}
	cursor, err := cursorAfter(ctx, after)
	if err != nil {
		return nil, err
	}
	sub, err := r.Hub.WatchOrder(ctx, p, id, cursor)
	if err != nil {
		return endAtOnce(ctx, err)
	}
	return deliver(ctx, sub), nil
}

// OrderFeed is the resolver for the orderFeed field.
func (r *subscriptionResolver) OrderFeed(ctx context.Context, filter *model.OrderFeedFilter, after *string) (<-chan *event.Update, error) {
	if items := executing(ctx); items != nil {
		return items, nil
	}
	p := auth.FromContext(ctx)
	narrowed, err := toFeedFilter(p, filter)
	if err != nil {
		return nil, err
	}
	cursor, err := cursorAfter(ctx, after)
	if err != nil {
		return nil, err
	}
	sub, err := r.Hub.WatchFeed(ctx, p, narrowed, cursor)
	if err != nil {
		return endAtOnce(ctx, err)
	}
	return deliver(ctx, sub), nil
}

// OrderUpdate returns generated.OrderUpdateResolver implementation.
func (r *Resolver) OrderUpdate() generated.OrderUpdateResolver { return &orderUpdateResolver{r} }

// Subscription returns generated.SubscriptionResolver implementation.
func (r *Resolver) Subscription() generated.SubscriptionResolver { return &subscriptionResolver{r} }

type (
	orderUpdateResolver  struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
)
