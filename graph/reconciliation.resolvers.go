package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// OrderID is the resolver for the orderId field.
func (r *orphanedChargeResolver) OrderID(ctx context.Context, obj *reconcile.Orphan) (string, error) {
	return obj.OrderID.TypeID(), nil
}

// PaymentID is the resolver for the paymentId field.
func (r *orphanedChargeResolver) PaymentID(ctx context.Context, obj *reconcile.Orphan) (string, error) {
	return obj.PaymentID.TypeID(), nil
}

// Captured is the resolver for the captured field.
func (r *orphanedChargeResolver) Captured(ctx context.Context, obj *reconcile.Orphan) (*money.Amount, error) {
	return amount(obj.Totals.Captured, obj.Amount.Currency), nil
}

// Refunded is the resolver for the refunded field.
func (r *orphanedChargeResolver) Refunded(ctx context.Context, obj *reconcile.Orphan) (*money.Amount, error) {
	return amount(obj.Totals.Refunded, obj.Amount.Currency), nil
}

// Reconciliation is the resolver for the reconciliation field.
func (r *queryResolver) Reconciliation(ctx context.Context, first *int, after *string) (*model.ReconciliationEntryConnection, error) {
	p := auth.FromContext(ctx)
	request, err := reconciliationList.forward(first, after)
	if err != nil {
		return nil, err
	}
	result, err := r.Reconciler.List(ctx, p, request)
	if err != nil {
		return nil, err
	}
	if err := r.holdReconciled(ctx, p, result.Items); err != nil {
		return nil, err
	}
	return reconciliationEntryConnection(reconciliationList.connect(pagination.Pointers(result))), nil
}

// OrphanedCharges is the resolver for the orphanedCharges field.
func (r *queryResolver) OrphanedCharges(ctx context.Context, first *int, after *string, includeResolved bool) (*model.OrphanedChargeConnection, error) {
	request, err := orphanList.forward(first, after)
	if err != nil {
		return nil, err
	}
	result, err := r.Walker.List(ctx, auth.FromContext(ctx), request, includeResolved)
	if err != nil {
		return nil, err
	}
	return orphanedChargeConnection(orphanList.connect(pagination.Pointers(result))), nil
}

// Payment is the resolver for the payment field.
func (r *reconciliationEntryResolver) Payment(ctx context.Context, obj *reconcile.Entry) (*payment.Payment, error) {
	return paymentOf(scopeOf(ctx).order(obj.OrderID), obj.PaymentID), nil
}

// OrphanedCharge returns generated.OrphanedChargeResolver implementation.
func (r *Resolver) OrphanedCharge() generated.OrphanedChargeResolver {
	return &orphanedChargeResolver{r}
}

// ReconciliationEntry returns generated.ReconciliationEntryResolver implementation.
func (r *Resolver) ReconciliationEntry() generated.ReconciliationEntryResolver {
	return &reconciliationEntryResolver{r}
}

type (
	orphanedChargeResolver      struct{ *Resolver }
	reconciliationEntryResolver struct{ *Resolver }
)
