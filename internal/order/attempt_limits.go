package order

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
)

// AttemptLimit names what an attempt to pay is counted for.
type AttemptLimit string

// The limits on attempts to pay.
const (
	PerOrder    AttemptLimit = "order"
	PerCustomer AttemptLimit = "customer"
	PerAddress  AttemptLimit = "address"
)

// TooManyAttempts is a Store's refusal of an attempt to pay. Wait is the time until the next one may be made; 0: never.
type TooManyAttempts struct {
	Limit AttemptLimit
	Wait  time.Duration
}

func (e *TooManyAttempts) Error() string {
	return fmt.Sprintf("too many attempts to pay of one %s; wait %s", e.Limit, e.Wait)
}

// Refusals counts the attempts to pay that the limits have refused.
type Refusals struct{ Order, Customer, Address atomic.Int64 }

// Refusals are those of this process.
func (s *Service) Refusals() *Refusals { return &s.refusals }

// ReportRefusals makes the service call report for each refused attempt.
func ReportRefusals(report func(ctx context.Context, limit AttemptLimit)) ServiceOption {
	return func(s *Service) { s.report = report }
}

// refuse turns a TooManyAttempts into its user error and counts it; any other error is returned as it is.
func (s *Service) refuse(ctx context.Context, err error, field ...string) error {
	refused, ok := errors.AsType[*TooManyAttempts](err)
	if !ok {
		return err
	}
	if s.report != nil {
		s.report(ctx, refused.Limit)
	}
	var what string
	switch refused.Limit {
	case PerOrder:
		s.refusals.Order.Add(1)
		return fault.User(fault.TooManyAttempts, "The order has reached its maximum number of payments. Place a new order.", field...)
	case PerCustomer:
		s.refusals.Customer.Add(1)
		what = "Too many of your payments were declined or have not ended yet."
	case PerAddress:
		s.refusals.Address.Add(1)
		what = "Too many payments from your address were declined."
	}
	return fault.UserLater(fault.TooManyAttempts, what, refused.Wait, field...)
}

// take counts an attempt to pay an order again. Staff act for others, and are not counted. refused is a TooManyAttempts, which the
// caller gives only to requests that are no replay; undo takes back an attempt that was not made.
func (s *Service) take(ctx context.Context, p auth.Principal, source uuid.UUID) (undo func(), refused, err error) {
	if p.Staff() {
		return func() {}, nil, nil
	}
	err = s.store.TakeAttempt(ctx, p, source)
	if _, ok := errors.AsType[*TooManyAttempts](err); ok {
		return func() {}, err, nil
	}
	return func() { s.store.ReturnAttempt(ctx, p) }, nil, err
}
