package order

import (
	"context"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
)

// RecheckPayment asks the pipeline to look the payment's charge up and to take in what it sees, now and durably: for a
// webhook, for a reconciler, for a customer who comes back. It is cheap and may be asked any number of times, by anybody
// who may see the payment; auth.System sees all. fault.NotFound when there is no such payment for the principal. See
// Order.Recheck for what it does.
func (s *Service) RecheckPayment(ctx context.Context, p auth.Principal, paymentID uuid.UUID) (*Order, error) {
	c := s.cause(p, "")
	outcome, err := s.changePayment(ctx, p, paymentID, Change{Apply: func(o *Order) (uuid.UUID, error) {
		o.Recheck(c, paymentID)
		return uuid.Nil, nil
	}})
	return outcome.Order, err
}

// changePayment changes the order of a payment. fault.NotFound when the principal may not see one.
func (s *Service) changePayment(ctx context.Context, p auth.Principal, paymentID uuid.UUID, change Change) (Outcome, error) {
	orders, err := s.store.OrdersByPayment(ctx, p, []uuid.UUID{paymentID})
	if err != nil {
		return Outcome{}, err
	}
	o := orders[paymentID]
	if o == nil {
		return Outcome{}, fault.New(fault.NotFound, "There is no such payment.")
	}
	return s.store.ChangeOrder(ctx, p, o.ID, change)
}
