package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/event"
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

// OrderUpdate returns generated.OrderUpdateResolver implementation.
func (r *Resolver) OrderUpdate() generated.OrderUpdateResolver { return &orderUpdateResolver{r} }

type orderUpdateResolver struct{ *Resolver }
