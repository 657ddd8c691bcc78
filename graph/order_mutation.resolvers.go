package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/requestid"
)

// OrderCreate is the resolver for the orderCreate field.
func (r *mutationResolver) OrderCreate(ctx context.Context, input model.OrderCreateInput) (*model.OrderCreatePayload, error) {
	key, err := keyOf(ctx, input.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	p := auth.FromContext(ctx)
	in, err := toCreateInput(ctx, key, input)
	if err != nil {
		return nil, err
	}
	in.Source = r.source(ctx)
	outcome, err := r.OrderService.Create(ctx, p, in)
	if err != nil {
		return orderNotCreated(err)
	}
	scopeOf(ctx).hold(outcome.Order)
	return &model.OrderCreatePayload{Order: outcome.Order, Replayed: outcome.Replayed}, nil
}

// OrderCancel is the resolver for the orderCancel field.
func (r *mutationResolver) OrderCancel(ctx context.Context, input model.OrderCancelInput) (*model.OrderCancelPayload, error) {
	p := auth.FromContext(ctx)
	orderID, err := id.Parse[id.Order](input.OrderID)
	if err != nil {
		return nil, err
	}
	changed, err := r.OrderService.Cancel(ctx, p, order.CancelInput{
		OrderID: orderID, ExpectedVersion: input.ExpectedVersion, Note: input.Note, RequestID: requestid.FromContext(ctx),
	})
	if err != nil {
		return orderCancelRefused(err)
	}
	scopeOf(ctx).hold(changed)
	return &model.OrderCancelPayload{Order: changed}, nil
}

// OrderDeliver is the resolver for the orderDeliver field.
func (r *mutationResolver) OrderDeliver(ctx context.Context, input model.OrderDeliverInput) (*model.OrderDeliverPayload, error) {
	p := auth.FromContext(ctx)
	orderID, err := id.Parse[id.Order](input.OrderID)
	if err != nil {
		return nil, err
	}
	changed, err := r.OrderService.Deliver(ctx, p, order.DeliverInput{
		OrderID: orderID, ExpectedVersion: input.ExpectedVersion, RequestID: requestid.FromContext(ctx),
	})
	if err != nil {
		return orderDeliverRefused(err)
	}
	scopeOf(ctx).hold(changed)
	return &model.OrderDeliverPayload{Order: changed}, nil
}

// Mutation returns generated.MutationResolver implementation.
func (r *Resolver) Mutation() generated.MutationResolver { return &mutationResolver{r} }

type mutationResolver struct{ *Resolver }
