package graph

import (
	"context"
	"maps"
	"slices"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// holdReconciled reads the orders of reconciliation entries, whose payments the client may select.
func (r *Resolver) holdReconciled(ctx context.Context, p auth.Principal, entries []reconcile.Entry) error {
	orderIDs, payments := make([]id.Order, len(entries)), make([]id.Payment, len(entries))
	for i := range entries {
		orderIDs[i], payments[i] = entries[i].OrderID, entries[i].PaymentID
	}
	orders, err := r.OrderService.ByID(selected(ctx), p, orderIDs)
	if err != nil {
		return err
	}
	scopeOf(ctx).holdPayments(slices.Collect(maps.Values(orders)), payments...)
	return nil
}
