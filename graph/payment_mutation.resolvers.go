package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/requestid"
)

// PaymentRetry is the resolver for the paymentRetry field.
func (r *mutationResolver) PaymentRetry(ctx context.Context, input model.PaymentRetryInput) (*model.PaymentRetryPayload, error) {
	key, err := keyOf(ctx, input.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	p := auth.FromContext(ctx)
	orderID, err := id.Parse[id.Order](input.OrderID)
	if err != nil {
		return nil, err
	}
	outcome, err := r.OrderService.Retry(ctx, p, order.RetryInput{
		IdempotencyKey: key, OrderID: orderID, PaymentToken: token(input.PaymentMethod),
		ExpectedVersion: input.ExpectedVersion, RequestID: requestid.FromContext(ctx), Source: r.source(ctx),
	})
	if err != nil {
		return paymentRetryRefused(err)
	}
	scopeOf(ctx).hold(outcome.Order)
	return &model.PaymentRetryPayload{
		Order: outcome.Order, Payment: paymentOf(outcome.Order, id.Payment(outcome.EntityID)), Replayed: outcome.Replayed,
	}, nil
}

// PaymentCompleteAction is the resolver for the paymentCompleteAction field.
func (r *mutationResolver) PaymentCompleteAction(ctx context.Context, input model.PaymentCompleteActionInput) (*model.PaymentCompleteActionPayload, error) {
	p := auth.FromContext(ctx)
	paymentID, err := id.Parse[id.Payment](input.PaymentID)
	if err != nil {
		return nil, err
	}
	in := order.CompleteActionInput{PaymentID: paymentID, RequestID: requestid.FromContext(ctx)}
	if input.Outcome != nil {
		in.Outcome = *input.Outcome
	}
	changed, err := r.OrderService.CompleteAction(ctx, p, in)
	if err != nil {
		return paymentCompleteActionRefused(err)
	}
	scopeOf(ctx).hold(changed)
	return &model.PaymentCompleteActionPayload{Order: changed, Payment: paymentOf(changed, paymentID)}, nil
}
