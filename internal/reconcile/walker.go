package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
)

const (
	// walkOverlap is longer than clocks differ.
	walkOverlap = time.Hour
	// listTimeout ends the question for one page of charges. Stripe's are slow with their charges in them.
	listTimeout = 30 * time.Second
	// askPage is the number of unresolved charges read at once.
	askPage = 32
	// After askFailures in a row the provider counts as down: the rest is looked up in the next round.
	askFailures = 3
	// pendingFor bounds how long a charge without money is looked up: a customer who still has its page open pays by then.
	pendingFor = 30 * 24 * time.Hour
	// A round that fails is tried again after walkRetry, then twice as long each time, up to walkRetryLatest.
	walkRetry       = time.Second
	walkRetryLatest = time.Minute
)

// WalkConfig of a Walker.
type WalkConfig struct {
	// Store keeps the walk of one provider.
	Store OrphanStore
	// Books are that provider's; nil, as it may have none: Run does nothing.
	Books payment.ChargeBooks
	// Installation made the charges that are searched for; other charges are never recorded.
	Installation uuid.UUID
	// Interval between the beginnings of two rounds; 0: Run does nothing.
	Interval time.Duration
	// Grace is the least age of a charge that is recorded.
	Grace time.Duration
	// Limiter bounds the requests to the provider.
	Limiter *rate.Limiter
	Log     *slog.Logger
}

// Walker compares one provider's books with ours: it walks the provider's charges by time, and keeps those that no payment here
// references until they are settled. It moves no money. Any number may run on one database.
//
// The problem: after a restore the provider knows charges of orders that the database has lost, and nothing here leads to
// them. The walk goes from the provider to us. Its progress is in the database, so a restore takes it back too, and the next round
// covers the lost charges.
type Walker struct {
	cfg    WalkConfig
	counts OrphanCounts
}

// NewWalker returns a walker; Run starts it.
func NewWalker(cfg WalkConfig) *Walker { return &Walker{cfg: cfg} }

// Counts for metrics.
func (w *Walker) Counts() *OrphanCounts { return &w.counts }

// List returns the orphaned charges of all providers, the newest first; all: resolved ones too. FORBIDDEN unless staff.
func (w *Walker) List(ctx context.Context, p auth.Principal, request pagination.Request, all bool) (pagination.Result[Orphan], error) {
	return w.cfg.Store.Orphans(ctx, p, request, all)
}

// Run walks until ctx ends. Errors are logged and tried again; it returns nil.
func (w *Walker) Run(ctx context.Context) error {
	if w.cfg.Interval <= 0 || w.cfg.Books == nil {
		return nil
	}
	poll := pollInterval(w.cfg.Interval)
	failures := 0
	for {
		pause := poll
		if err := w.turn(ctx); err != nil && ctx.Err() == nil {
			w.counts.Errors.Add(1)
			pause = min(walkRetry<<min(failures, 10), walkRetryLatest)
			failures++
			w.cfg.Log.ErrorContext(ctx, "listing the payment provider's charges failed; continuing from there after a pause", "error", err, "in", pause)
		} else {
			failures = 0
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// turn makes a round, if there is one to make.
func (w *Walker) turn(ctx context.Context) error {
	if err := w.readStatus(ctx); err != nil {
		return err
	}
	walk, err := w.cfg.Store.BeginWalk(ctx, WalkTimes{Interval: w.cfg.Interval, Grace: w.cfg.Grace, Overlap: walkOverlap})
	if err != nil || walk == nil {
		return err
	}
	err = w.round(ctx, walk)
	if err == nil {
		err = w.cfg.Store.EndWalk(ctx, walk)
	}
	switch {
	case errors.Is(err, ErrLeaseLost):
		return nil
	case err != nil:
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
		defer cancel()
		return errors.Join(err, w.cfg.Store.LeaveWalk(last, walk))
	}
	w.counts.Rounds.Add(1)
	return w.readStatus(ctx)
}

func (w *Walker) readStatus(ctx context.Context) error {
	open, behind, err := w.cfg.Store.Status(ctx)
	if err == nil {
		w.counts.Open.Store(int64(open))
		w.counts.Behind.Store(int64(behind.Seconds()))
	}
	return err
}

// round walks the pages, and then looks up the unresolved charges. A round that is left during the look-ups continues with the last
// page.
func (w *Walker) round(ctx context.Context, walk *Walk) error {
	for {
		charges, err := w.list(ctx, walk)
		next := charges.Next
		switch {
		case errors.Is(err, payment.ErrPlaceGone) && walk.After != "":
			// The list starts again, with next empty. Charges that were recorded before are not recorded twice.
		case err != nil:
			return err
		default:
			if err := w.record(ctx, walk, charges.Charges); err != nil {
				return err
			}
			if next == "" {
				return w.resolve(ctx, walk)
			}
		}
		if err := w.cfg.Store.AdvanceWalk(ctx, walk, next); err != nil {
			return err
		}
	}
}

// resolve looks up the charges that were found in this round and earlier.
func (w *Walker) resolve(ctx context.Context, walk *Walk) error {
	resolved, err := w.cfg.Store.ResolveKnown(ctx, walk)
	if err != nil {
		return err
	}
	w.counts.Resolved.Add(int64(resolved))
	return w.askAfterAll(ctx, walk)
}

func (w *Walker) list(ctx context.Context, walk *Walk) (payment.ChargePage, error) {
	if err := w.cfg.Limiter.Wait(ctx); err != nil {
		return payment.ChargePage{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return w.cfg.Books.Charges(ctx, payment.ChargeRange{
		Installation: w.cfg.Installation, From: walk.From, Until: walk.Until, After: walk.After,
	})
}

func (w *Walker) record(ctx context.Context, walk *Walk, charges []payment.Charge) error {
	if len(charges) == 0 {
		return nil
	}
	for _, c := range charges {
		if len(c.Reference) > payment.MaxReference {
			return fmt.Errorf("the provider's id of a charge has %d characters, and %d are stored at most", len(c.Reference), payment.MaxReference)
		}
	}
	detected, err := w.cfg.Store.Record(ctx, walk, charges)
	if err != nil {
		return err
	}
	for _, c := range detected {
		w.detected(ctx, c)
	}
	return nil
}

func (w *Walker) detected(ctx context.Context, c payment.Charge) {
	w.counts.Detected.Add(1)
	w.cfg.Log.WarnContext(ctx, "found an orphaned charge: no order or payment here has it; see docs/backups.md", "reference", c.Reference,
		"order", c.OrderID, "payment", c.PaymentID, "status", c.Status, "captured", c.Totals.Captured, "refunded", c.Totals.Refunded,
		"currency", c.Amount.Currency)
}

// askAfterAll asks the provider for every charge that is not resolved, once in a round. One that cannot be told is left to the
// next round, and goes behind the others.
func (w *Walker) askAfterAll(ctx context.Context, walk *Walk) error {
	failures := 0
	for {
		references, err := w.cfg.Store.Unresolved(ctx, walk.Began, pendingFor, askPage)
		if err != nil {
			return err
		}
		for _, reference := range references {
			told, err := w.askAfter(ctx, walk, reference)
			if err != nil {
				return err
			}
			if failures++; told {
				failures = 0
			}
			if failures == askFailures {
				return nil
			}
		}
		if len(references) < askPage {
			return nil
		}
	}
}

// askAfter looks a charge up and reports whether the provider answered.
func (w *Walker) askAfter(ctx context.Context, walk *Walk, reference string) (told bool, err error) {
	if err := w.cfg.Limiter.Wait(ctx); err != nil {
		return false, err
	}
	if err := w.cfg.Store.AdvanceWalk(ctx, walk, walk.After); err != nil {
		return false, err
	}
	asking, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	charge, askErr := w.cfg.Books.Charge(asking, reference)
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if askErr != nil {
		w.counts.Errors.Add(1)
		w.cfg.Log.WarnContext(ctx, "looking up a charge failed; the next round retries it", "reference", reference, "error", askErr)
		_, err = w.cfg.Store.Asked(ctx, walk, reference, nil)
		return false, err
	}
	became, err := w.cfg.Store.Asked(ctx, walk, reference, &charge)
	if err == nil && became.Detected {
		w.detected(ctx, charge)
	}
	if err == nil && became.Resolved {
		w.counts.Resolved.Add(1)
		w.cfg.Log.InfoContext(ctx, "an orphaned charge was settled", "reference", reference, "status", charge.Status)
	}
	return true, err
}
