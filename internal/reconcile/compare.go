package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/payment"
)

// comparePage compares payments, several at a time. One that cannot be compared now is left to the next round; if none
// can, the provider is away and the round is over.
func (r *Reconciler) comparePage(ctx context.Context, page []Books) error {
	var (
		working sync.WaitGroup
		free    = make(chan struct{}, concurrency)
		asked   int64
		failed  atomic.Int64
		first   error
		once    sync.Once
	)
	for _, books := range page {
		if books.Busy || books.LookUp.Key == uuid.Nil {
			continue
		}
		if err := r.limiter.Wait(ctx); err != nil {
			break // ctx ends; what runs is waited for
		}
		asked++
		free <- struct{}{}
		working.Go(func() {
			defer func() { <-free }()
			if err := r.compare(ctx, books); err != nil {
				r.counts.Errors.Add(1)
				failed.Add(1)
				once.Do(func() { first = err })
			}
		})
	}
	working.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case first != nil && failed.Load() == asked:
		return fmt.Errorf("none of %d payments could be compared: %w", asked, first)
	case first != nil:
		r.cfg.Log.WarnContext(ctx, "payments could not be compared with the provider; the next round tries again",
			"payments", failed.Load(), "error", first)
	}
	return nil
}

// compare asks the provider for one payment and acts on what it says.
func (r *Reconciler) compare(ctx context.Context, books Books) error {
	theirs, err := r.ask(ctx, books)
	if err != nil {
		return err
	}
	r.counts.Checked.Add(1)
	if theirs == books.Totals {
		return r.agrees(ctx, books)
	}
	kept, changed, err := r.cfg.Store.Differs(ctx, books, theirs)
	if err != nil || !kept {
		return err
	}
	if changed && !books.Open {
		r.counts.Detected.Add(1)
	}
	if changed {
		r.cfg.Log.WarnContext(ctx, "the provider's books differ from ours", "payment", books.PaymentID, "order", books.OrderID,
			"captured", books.Totals.Captured, "refunded", books.Totals.Refunded,
			"capturedAtProvider", theirs.Captured, "refundedAtProvider", theirs.Refunded)
	}
	if !changed && books.Raised {
		return nil // staff were told; what they settle must not come back with every round
	}
	if err := r.cfg.Recheck(ctx, books.PaymentID); err != nil {
		return err
	}
	return r.cfg.Store.Raised(ctx, books.PaymentID)
}

func (r *Reconciler) agrees(ctx context.Context, books Books) error {
	if books.Open {
		resolved, err := r.cfg.Store.Agrees(ctx, books)
		if err != nil {
			return err
		}
		if resolved {
			r.counts.Resolved.Add(1)
			r.cfg.Log.InfoContext(ctx, "the provider's books agree with ours again", "payment", books.PaymentID, "order", books.OrderID)
		}
	}
	if books.Mismatch {
		return r.cfg.Recheck(ctx, books.PaymentID) // the look that sees them agree takes the attention away
	}
	return nil
}

// ask gives the provider's totals of a payment. What the provider refuses to tell of a payment that we have no money of
// is none: it refused the charge. Of any other it says nothing, least of all that the money is gone.
func (r *Reconciler) ask(ctx context.Context, books Books) (payment.Totals, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	result, err := r.cfg.Provider.LookUp(ctx, books.LookUp)
	var definite *payment.DefiniteError
	switch {
	case errors.As(err, &definite) && books.Totals == (payment.Totals{}):
		return payment.Totals{}, nil
	case err != nil:
		return payment.Totals{}, err
	case result.Totals != nil:
		return *result.Totals, nil
	case result.Outcome == payment.NotFound, result.Outcome == payment.Refused:
		return payment.Totals{}, nil // there is no charge that could have taken anything
	default:
		return payment.Totals{}, fmt.Errorf("the provider answers %s without totals", result.Outcome)
	}
}
