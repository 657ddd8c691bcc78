package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

func (r *orderUpdateResolver) Order(ctx context.Context, obj *model.OrderUpdate) (*order.Order, error) {
	if obj.Order != nil {
		scopeOf(ctx).hold(obj.Order)
	}
	return obj.Order, nil
}

func (r *subscriptionResolver) OrderEvents(ctx context.Context, orderID string, after *string) (<-chan *model.OrderUpdate, error) {
	p := auth.FromContext(ctx)
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	id, err := id.Parse(id.Order, orderID)
	if err != nil {
		return nil, err
	}
	sub, err := r.Updates.WatchOrder(ctx, p, id, cursorAfter(ctx, after))
	if err != nil {
		return nil, err
	}
	return deliver(ctx, sub), nil
}

func (r *subscriptionResolver) OrderFeed(ctx context.Context, filter *model.OrderFeedFilter, after *string) (<-chan *model.OrderUpdate, error) {
	p := auth.FromContext(ctx)
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	narrowed, err := toFeedFilter(p, filter)
	if err != nil {
		return nil, err
	}
	sub, err := r.Updates.WatchFeed(ctx, p, narrowed, cursorAfter(ctx, after))
	if err != nil {
		return nil, err
	}
	return deliver(ctx, sub), nil
}

func (r *Resolver) OrderUpdate() generated.OrderUpdateResolver { return &orderUpdateResolver{r} }

func (r *Resolver) Subscription() generated.SubscriptionResolver { return &subscriptionResolver{r} }

type (
	orderUpdateResolver  struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
)
