package naive

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/bench/naive/model"
	"github.com/orderwire/orderwire/internal/id"
)

// OrderCreate is the resolver for the orderCreate field.
func (r *mutationResolver) OrderCreate(ctx context.Context, input model.OrderCreateInput) (*model.OrderCreatePayload, error) {
	p := auth.FromContext(ctx)
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	asked := request{Key: input.IdempotencyKey, Note: input.Note}
	if input.PaymentMethod != nil {
		asked.Token = input.PaymentMethod.Token
	}
	for _, i := range input.Items {
		productID, err := id.Parse[id.Product](i.ProductID)
		if err != nil {
			return nil, err
		}
		asked.Items = append(asked.Items, item{ProductID: productID, Quantity: i.Quantity})
	}
	o, replayed, err := r.shop.create(ctx, p.CustomerID, asked)
	if err != nil {
		return nil, err
	}
	return &model.OrderCreatePayload{Order: toOrder(o), Replayed: replayed, UserErrors: []*model.UserError{}}, nil
}

// OrderCancel is the resolver for the orderCancel field.
func (r *mutationResolver) OrderCancel(ctx context.Context, input model.OrderCancelInput) (*model.OrderCancelPayload, error) {
	orderID, err := parseOrder(input.OrderID)
	if err != nil {
		return nil, err
	}
	o, err := r.shop.cancel(ctx, auth.FromContext(ctx).CustomerID, orderID)
	if err != nil {
		return nil, err
	}
	return &model.OrderCancelPayload{Order: toOrder(o), UserErrors: []*model.UserError{}}, nil
}

// Products is the resolver for the products field.
func (r *queryResolver) Products(ctx context.Context, first *int) (*model.ProductConnection, error) {
	products, err := r.shop.products(ctx, pageSize(first))
	return &model.ProductConnection{Nodes: products}, err
}

// Order is the resolver for the order field.
func (r *queryResolver) Order(ctx context.Context, id string) (*model.Order, error) {
	parsed, err := parseOrder(id)
	if err != nil {
		return nil, err
	}
	o, err := r.shop.order(ctx, auth.FromContext(ctx).CustomerID, parsed)
	return toOrder(o), err
}

// Orders is the resolver for the orders field.
func (r *queryResolver) Orders(ctx context.Context, first *int, after *string) (*model.OrderConnection, error) {
	before, n := id.Order(uuid.Max), pageSize(first)
	if after != nil {
		var err error
		if before, err = parseOrder(*after); err != nil {
			return nil, err
		}
	}
	found, err := r.shop.orders(ctx, auth.FromContext(ctx).CustomerID, before, n+1)
	if err != nil {
		return nil, err
	}
	return toPage(found, n), nil
}

// OrderEvents is the resolver for the orderEvents field.
func (r *subscriptionResolver) OrderEvents(ctx context.Context, orderID string, after *string) (<-chan *model.OrderUpdate, error) {
	parsed, err := parseOrder(orderID)
	if err != nil {
		return nil, err
	}
	w := r.shop.hub.watch(uuid.UUID(parsed))
	o, err := r.shop.order(ctx, auth.FromContext(ctx).CustomerID, parsed)
	if err != nil || o == nil {
		r.shop.hub.leave(uuid.UUID(parsed), w)
		return nil, errors.Join(err, fmt.Errorf("there is no order %s", orderID))
	}
	first := &model.OrderUpdate{Kind: model.OrderUpdateKindSnapshot, Cursor: cursor(o.Version), Order: toOrder(o)}
	return r.shop.subscribe(ctx, uuid.UUID(parsed), w, first), nil
}

// OrderFeed is the resolver for the orderFeed field.
func (r *subscriptionResolver) OrderFeed(ctx context.Context, after *string) (<-chan *model.OrderUpdate, error) {
	p := auth.FromContext(ctx)
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	first := &model.OrderUpdate{Kind: model.OrderUpdateKindSnapshot}
	customerID := uuid.UUID(p.CustomerID)
	return r.shop.subscribe(ctx, customerID, r.shop.hub.watch(customerID), first), nil
}

// Mutation returns MutationResolver implementation.
func (r *Resolver) Mutation() MutationResolver { return &mutationResolver{r} }

// Query returns QueryResolver implementation.
func (r *Resolver) Query() QueryResolver { return &queryResolver{r} }

// Subscription returns SubscriptionResolver implementation.
func (r *Resolver) Subscription() SubscriptionResolver { return &subscriptionResolver{r} }

type (
	mutationResolver     struct{ *Resolver }
	queryResolver        struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
)
