package graph

import (
	"context"
	"time"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// ID is the resolver for the id field.
func (r *disputeResolver) ID(ctx context.Context, obj *payment.Dispute) (string, error) {
	return obj.ID.TypeID(), nil
}

// Order is the resolver for the order field.
func (r *disputeResolver) Order(ctx context.Context, obj *payment.Dispute) (*order.Order, error) {
	return scopeOf(ctx).order(obj.OrderID), nil
}

// Payment is the resolver for the payment field.
func (r *disputeResolver) Payment(ctx context.Context, obj *payment.Dispute) (*payment.Payment, error) {
	return paymentOf(scopeOf(ctx).order(obj.OrderID), obj.PaymentID), nil
}

// Reason is the resolver for the reason field.
func (r *disputeResolver) Reason(ctx context.Context, obj *payment.Dispute) (*string, error) {
	if !auth.FromContext(ctx).Staff() {
		return nil, nil
	}
	return given(obj.Reason), nil
}

// RespondBy is the resolver for the respondBy field.
func (r *disputeResolver) RespondBy(ctx context.Context, obj *payment.Dispute) (*time.Time, error) {
	if !auth.FromContext(ctx).Staff() {
		return nil, nil
	}
	return obj.RespondBy, nil
}

// Dispute returns generated.DisputeResolver implementation.
func (r *Resolver) Dispute() generated.DisputeResolver { return &disputeResolver{r} }

type disputeResolver struct{ *Resolver }
