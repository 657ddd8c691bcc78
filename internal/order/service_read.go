package order

import (
	"context"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// The reads below take many keys at once, so that one statement serves a whole list. They return what exists and the
// principal may see, by key; what is missing from the map does not exist for them. UNAUTHENTICATED without a principal.

// ByID returns orders by their ids.
func (s *Service) ByID(ctx context.Context, p auth.Principal, ids []id.Order) (map[id.Order]*Order, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	return s.store.OrdersByID(ctx, p, ids)
}

// ByPayment returns the orders of payments, by payment id.
func (s *Service) ByPayment(ctx context.Context, p auth.Principal, paymentIDs []id.Payment) (map[id.Payment]*Order, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	return s.store.OrdersByPayment(ctx, p, paymentIDs)
}

// ByRefund returns the orders of refunds, by refund id.
func (s *Service) ByRefund(ctx context.Context, p auth.Principal, refundIDs []id.Refund) (map[id.Refund]*Order, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	return s.store.OrdersByRefund(ctx, p, refundIDs)
}

// ByDispute returns the orders of disputes, by dispute id.
func (s *Service) ByDispute(ctx context.Context, p auth.Principal, disputeIDs []id.Dispute) (map[id.Dispute]*Order, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	return s.store.OrdersByDispute(ctx, p, disputeIDs)
}

// Attempts returns what was attempted at the provider for payments, oldest first. FORBIDDEN unless staff.
func (s *Service) Attempts(ctx context.Context, p auth.Principal, paymentIDs []id.Payment) (map[id.Payment][]payment.Attempt, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	return s.store.AttemptsByPayment(ctx, p, paymentIDs)
}

// EventPages returns pages of orders' histories, oldest first. The events have no state of their order.
func (s *Service) EventPages(ctx context.Context, p auth.Principal, requests []EventPageRequest) (map[EventPageRequest][]Event, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	return s.store.EventPages(ctx, p, requests)
}
