package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/orderwire/orderwire/internal/payment"
)

// away has the providers that have answered nothing in a round, with the first error of each. Their payments are left to the next
// round, so that one provider's outage does not keep those of others from being compared.
type away map[string]error

// err says that the round has left out the payments of these providers.
func (a away) err() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(a)) {
		errs = append(errs, a[name])
	}
	return errors.Join(errs...)
}

// tally counts the results for one provider's payments on a page.
type tally struct {
	asked, failed int
	first         error
}

// comparePage compares payments, several at a time. One that cannot be compared now is left to the next round. A provider of which
// none can be compared is away, and when all are, the round is over.
func (r *Reconciler) comparePage(ctx context.Context, page []Books, away away) error {
	var (
		working sync.WaitGroup
		free    = make(chan struct{}, concurrency)
		mu      sync.Mutex
		tallies = map[string]*tally{}
	)
	for _, books := range page {
		if books.Busy || books.LookUp.Key.IsNil() || away[books.Provider] != nil {
			continue
		}
		if err := r.limiter.Wait(ctx); err != nil {
			break // ctx ends; what runs is waited for
		}
		of := tallies[books.Provider]
		if of == nil {
			of = &tally{}
			tallies[books.Provider] = of
		}
		of.asked++
		free <- struct{}{}
		working.Go(func() {
			defer func() { <-free }()
			err := r.compare(ctx, books)
			if err == nil {
				return
			}
			r.counts.Errors.Add(1)
			mu.Lock()
			defer mu.Unlock()
			of.failed++
			if of.first == nil {
				of.first = err
			}
		})
	}
	working.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for name, of := range tallies {
		switch {
		case of.failed == of.asked:
			away[name] = fmt.Errorf("none of %d payments could be compared: %w", of.asked, of.first)
		case of.failed > 0:
			r.cfg.Log.WarnContext(ctx, "payments could not be compared with the provider; the next round tries again",
				"provider", name, "payments", of.failed, "error", of.first)
		}
	}
	if len(away) == len(r.cfg.Providers.All()) {
		return away.err()
	}
	return nil
}

// compare looks one payment up at the provider and acts on the result.
func (r *Reconciler) compare(ctx context.Context, books Books) error {
	seen, err := r.ask(ctx, books)
	if err != nil {
		return err
	}
	r.counts.Checked.Add(1)
	theirs := totals(seen)
	if theirs == books.Totals {
		return r.agrees(ctx, books, moved(books, seen))
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
		return nil // staff know of it; a difference that they settled must not return in every round
	}
	if err := r.cfg.RequestRecheck(ctx, books.PaymentID); err != nil {
		return err
	}
	return r.cfg.Store.Raised(ctx, books.PaymentID)
}

// agrees acts on totals that agree. moved: something else has to be booked.
func (r *Reconciler) agrees(ctx context.Context, books Books, moved bool) error {
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
	if moved || books.Mismatch {
		return r.cfg.RequestRecheck(ctx, books.PaymentID) // the look that sees them agree takes the attention away
	}
	return nil
}

// moved reports whether a charge has something to book that is in no total: a hold that is gone, one that is still there though our payment
// has ended, or a dispute.
func moved(books Books, seen payment.Result) bool {
	if seen.Charge != nil && payment.DisputesDiffer(books.LookUp.Amount.Minor, books.Disputes, seen.Charge.Disputes) {
		return true
	}
	return books.Authorized != (seen.Outcome == payment.Held)
}

func totals(seen payment.Result) payment.Totals {
	if seen.Charge == nil {
		return payment.Totals{}
	}
	return seen.Charge.Totals
}

// ask looks a payment's charge up. A result without a Charge says that there is none that could have taken anything. If the look-up is
// refused and we have no money of the payment, the provider refused the charge. For any other payment a refusal is an error; it does not
// mean that the money is gone.
func (r *Reconciler) ask(ctx context.Context, books Books) (payment.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	provider, err := r.cfg.Providers.Of(books.Provider)
	if err != nil {
		return payment.Result{}, err
	}
	result, err := provider.Gateway.LookUp(ctx, books.LookUp)
	var definite *payment.DefiniteError
	switch {
	case errors.As(err, &definite) && books.Totals == (payment.Totals{}):
		return payment.Result{Outcome: payment.Refused}, nil
	case err != nil:
		return payment.Result{}, err
	case result.Charge != nil, result.Outcome == payment.NotFound, result.Outcome == payment.Refused:
		return result, nil
	default:
		return payment.Result{}, fmt.Errorf("the provider answers %s without totals", result.Outcome)
	}
}
