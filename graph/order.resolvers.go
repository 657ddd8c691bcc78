package graph

import (
	"context"
	"fmt"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/product"
)

// ID is the resolver for the id field.
func (r *orderResolver) ID(ctx context.Context, obj *order.Order) (string, error) {
	return obj.ID.TypeID(), nil
}

// CustomerID is the resolver for the customerId field.
func (r *orderResolver) CustomerID(ctx context.Context, obj *order.Order) (string, error) {
	return obj.CustomerID.TypeID(), nil
}

// Captured is the resolver for the captured field.
func (r *orderResolver) Captured(ctx context.Context, obj *order.Order) (*money.Amount, error) {
	return amount(obj.Captured, obj.Total.Currency), nil
}

// Refunded is the resolver for the refunded field.
func (r *orderResolver) Refunded(ctx context.Context, obj *order.Order) (*money.Amount, error) {
	return amount(obj.Refunded, obj.Total.Currency), nil
}

// Refundable is the resolver for the refundable field.
func (r *orderResolver) Refundable(ctx context.Context, obj *order.Order) (*money.Amount, error) {
	return amount(obj.Refundable(), obj.Total.Currency), nil
}

// Disputed is the resolver for the disputed field.
func (r *orderResolver) Disputed(ctx context.Context, obj *order.Order) (*money.Amount, error) {
	return amount(obj.Disputed, obj.Total.Currency), nil
}

// Events is the resolver for the events field.
func (r *orderResolver) Events(ctx context.Context, obj *order.Order, first *int, after *string) (*model.OrderEventConnection, error) {
	s := scopeOf(ctx)
	if s.past {
		return nil, fault.New(fault.BadUserInput, "Order.events is not available in a subscription: its events arrive by themselves.")
	}
	request, err := pagination.Parse(eventCursor, first, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	version, err := decodeEventCursor(obj.ID, after)
	if err != nil {
		return nil, err
	}
	rows, err := s.eventPage(ctx, order.EventPageRequest{OrderID: obj.ID, After: version, Limit: request.Limit + 1})
	if err != nil {
		return nil, err
	}
	return eventPage(obj.ID, version, request.Limit, rows)
}

// AvailableActions is the resolver for the availableActions field.
func (r *orderResolver) AvailableActions(ctx context.Context, obj *order.Order) ([]model.OrderAction, error) {
	options := r.OrderService.Options(auth.FromContext(ctx), obj)
	actions := make([]model.OrderAction, len(options))
	for i, option := range options {
		actions[i] = model.OrderAction(option)
	}
	return actions, nil
}

// DeliveryHold is the resolver for the deliveryHold field.
func (r *orderResolver) DeliveryHold(ctx context.Context, obj *order.Order) (*order.DeliveryHold, error) {
	if hold := obj.DeliveryHold(); hold != "" {
		return &hold, nil
	}
	return nil, nil
}

// Product is the resolver for the product field.
func (r *orderLineResolver) Product(ctx context.Context, obj *order.ShownLine) (*product.Product, error) {
	p, ok, err := scopeOf(ctx).product(ctx, obj.ProductID)
	if err == nil && !ok {
		err = fmt.Errorf("product %s of an order is gone", obj.ProductID) // products are never deleted
	}
	return p, err
}

// Order is the resolver for the order field.
func (r *queryResolver) Order(ctx context.Context, id *string, number *string) (*order.Order, error) {
	p := auth.FromContext(ctx)
	found, err := r.findOrder(ctx, p, id, number)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	scopeOf(ctx).hold(found)
	return found, nil
}

// Orders is the resolver for the orders field.
func (r *queryResolver) Orders(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.OrderFilter) (*model.OrderConnection, error) {
	p := auth.FromContext(ctx)
	request, err := pagination.Parse(orderList.cursor, first, after, last, before)
	if err != nil {
		return nil, err
	}
	narrowed, err := toOrderFilter(filter)
	if err != nil {
		return nil, err
	}
	result, err := r.OrderService.List(selected(ctx), p, narrowed, request)
	if err != nil {
		return nil, err
	}
	scopeOf(ctx).hold(result.Items...)
	return orderConnection(orderList.connect(result)), nil
}

// Order returns generated.OrderResolver implementation.
func (r *Resolver) Order() generated.OrderResolver { return &orderResolver{r} }

// OrderLine returns generated.OrderLineResolver implementation.
func (r *Resolver) OrderLine() generated.OrderLineResolver { return &orderLineResolver{r} }

type (
	orderResolver     struct{ *Resolver }
	orderLineResolver struct{ *Resolver }
)
