package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/requestid"
)

// RefundCreate is the resolver for the refundCreate field.
func (r *mutationResolver) RefundCreate(ctx context.Context, input model.RefundCreateInput) (*model.RefundCreatePayload, error) {
	key, err := keyOf(ctx, input.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	p := auth.FromContext(ctx)
	orderID, err := id.Parse[id.Order](input.OrderID)
	if err != nil {
		return nil, err
	}
	outcome, err := r.OrderService.Refund(ctx, p, order.RefundInput{
		IdempotencyKey: key, OrderID: orderID, AmountMinor: input.AmountMinor, Lines: toRefundLines(input.Lines), Reason: input.Reason,
		ExpectedVersion: input.ExpectedVersion, RequestID: requestid.FromContext(ctx),
	})
	if err != nil {
		return refundCreateRefused(err)
	}
	scopeOf(ctx).hold(outcome.Order)
	return &model.RefundCreatePayload{
		Refund: outcome.Order.RefundByID(id.Refund(outcome.EntityID)), Order: outcome.Order, Replayed: outcome.Replayed,
	}, nil
}

// ID is the resolver for the id field.
func (r *refundResolver) ID(ctx context.Context, obj *payment.Refund) (string, error) {
	return obj.ID.TypeID(), nil
}

// Order is the resolver for the order field.
func (r *refundResolver) Order(ctx context.Context, obj *payment.Refund) (*order.Order, error) {
	return scopeOf(ctx).order(obj.OrderID), nil
}

// Payment is the resolver for the payment field.
func (r *refundResolver) Payment(ctx context.Context, obj *payment.Refund) (*payment.Payment, error) {
	return paymentOf(scopeOf(ctx).order(obj.OrderID), obj.PaymentID), nil
}

// Origin is the resolver for the origin field.
func (r *refundResolver) Origin(ctx context.Context, obj *payment.Refund) (payment.RefundOrigin, error) {
	return scopeOf(ctx).order(obj.OrderID).RefundOrigin(obj), nil
}

// Lines is the resolver for the lines field.
func (r *refundResolver) Lines(ctx context.Context, obj *payment.Refund) ([]*order.RefundLine, error) {
	lines, err := scopeOf(ctx).order(obj.OrderID).LinesOf(obj)
	if err != nil {
		return nil, err
	}
	shown := make([]*order.RefundLine, len(lines))
	for i := range lines {
		shown[i] = &lines[i]
	}
	return shown, nil
}

// Refund returns generated.RefundResolver implementation.
func (r *Resolver) Refund() generated.RefundResolver { return &refundResolver{r} }

type refundResolver struct{ *Resolver }
