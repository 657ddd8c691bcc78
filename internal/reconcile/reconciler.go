package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
)

// Lease is the time for which a silent replica keeps the lease. It is renewed after every page, which takes less even if no look-up
// is answered.
const Lease = 3 * time.Minute

const (
	// pageSize of the walk.
	pageSize = 32
	// concurrency bounds the look-ups under way.
	concurrency = 8
	// lookUpTimeout ends one.
	lookUpTimeout = 10 * time.Second
	// leaveTimeout bounds the last statements of a process that stops.
	leaveTimeout = 5 * time.Second
)

// Config of a Reconciler.
type Config struct {
	Store Store
	// Providers' payments are compared, each with the provider that took it. Payments of others are left out.
	Providers *payment.Registry
	// RequestRecheck commits that the payment has to be looked up again at its provider, by the order's rules.
	RequestRecheck func(ctx context.Context, paymentID id.Payment) error
	// Interval between the beginnings of two rounds; 0: Run does nothing.
	Interval time.Duration
	// Window is the greatest age of a payment's last change. Payments with an open difference are always compared.
	Window time.Duration
	// Rate bounds the look-ups in a second.
	Rate int
	Log  *slog.Logger
}

// Reconciler compares in rounds, and lists the differences. Any number may run on one database.
type Reconciler struct {
	cfg     Config
	limiter *rate.Limiter
	counts  Counts
}

// New returns a reconciler; Run starts it.
func New(cfg Config) *Reconciler {
	return &Reconciler{cfg: cfg, limiter: rate.NewLimiter(rate.Limit(cfg.Rate), 1)}
}

// Counts for metrics.
func (r *Reconciler) Counts() *Counts { return &r.counts }

// Limiter bounds the questions to the provider; a Walker shares it.
func (r *Reconciler) Limiter() *rate.Limiter { return r.limiter }

// List returns the differences, the newest first, resolved ones included. FORBIDDEN unless staff.
func (r *Reconciler) List(ctx context.Context, p auth.Principal, request pagination.Request) (pagination.Result[Entry], error) {
	return r.cfg.Store.Entries(ctx, p, request)
}

// Run reconciles until ctx ends. Errors are logged and tried again; it returns nil.
func (r *Reconciler) Run(ctx context.Context) error {
	if r.cfg.Interval <= 0 {
		return nil
	}
	poll := time.NewTicker(pollInterval(r.cfg.Interval))
	defer poll.Stop()
	for {
		if err := r.turn(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Log.ErrorContext(ctx, "reconciling with the payment provider failed; retrying", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		}
	}
}

// pollInterval is the time between a replica's checks whether a round is due: a tenth of the time between two rounds, within
// bounds.
func pollInterval(rounds time.Duration) time.Duration {
	return min(max(rounds/10, 100*time.Millisecond), 10*time.Second)
}

// turn makes a round, if there is one to make.
func (r *Reconciler) turn(ctx context.Context) error {
	if err := r.countOpen(ctx); err != nil {
		return err
	}
	round, err := r.cfg.Store.Begin(ctx, r.cfg.Interval, r.cfg.Window)
	if err != nil || round == nil {
		return err
	}
	err = r.walk(ctx, round)
	if errors.Is(err, ErrLeaseLost) {
		return nil
	}
	if ctx.Err() != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
		defer cancel()
		return r.cfg.Store.Leave(last, round)
	}
	// A round that failed is ended too: the next one walks the whole window again.
	if err := errors.Join(err, r.cfg.Store.End(ctx, round)); err != nil {
		return err
	}
	r.counts.Rounds.Add(1)
	return r.countOpen(ctx)
}

func (r *Reconciler) countOpen(ctx context.Context) error {
	open, err := r.cfg.Store.CountOpen(ctx)
	if err == nil {
		r.counts.Open.Store(int64(open))
	}
	return err
}

// walk looks up the payments whose outcome is unknown, then compares those that differed, and then the final ones.
func (r *Reconciler) walk(ctx context.Context, round *Round) error {
	if err := r.walkUnknown(ctx, round); err != nil {
		return err
	}
	away := away{}
	if err := r.walkDiffering(ctx, round, away); err != nil {
		return err
	}
	for after := round.From; ; {
		page, err := r.cfg.Store.AtRest(ctx, r.cfg.Providers.Names(), after, round.Began, pageSize)
		if err == nil {
			err = r.comparePage(ctx, page, away)
		}
		if err != nil {
			return err
		}
		if len(page) < pageSize {
			return away.err()
		}
		last := page[len(page)-1]
		after = Position{At: last.UpdatedAt, ID: last.PaymentID}
		if err := r.cfg.Store.Advance(ctx, round, after); err != nil {
			return err
		}
	}
}

func (r *Reconciler) walkUnknown(ctx context.Context, round *Round) error {
	for after := (id.Payment{}); ; {
		ids, err := r.cfg.Store.Unknown(ctx, r.cfg.Providers.Names(), after, pageSize)
		if err != nil {
			return err
		}
		for _, paymentID := range ids {
			if err := r.limiter.Wait(ctx); err != nil {
				return err
			}
			if err := r.cfg.RequestRecheck(ctx, paymentID); err != nil {
				r.counts.Errors.Add(1)
				r.cfg.Log.WarnContext(ctx, "requesting a look-up of a payment with an unknown outcome failed", "payment", paymentID, "error", err)
			}
			after = paymentID
		}
		if err := r.cfg.Store.Advance(ctx, round, round.From); err != nil || len(ids) < pageSize {
			return err
		}
	}
}

func (r *Reconciler) walkDiffering(ctx context.Context, round *Round, away away) error {
	for after := (id.Payment{}); ; {
		page, err := r.cfg.Store.Differing(ctx, r.cfg.Providers.Names(), after, pageSize)
		if err == nil {
			err = r.comparePage(ctx, page, away)
		}
		if err == nil {
			err = r.cfg.Store.Advance(ctx, round, round.From)
		}
		if err != nil || len(page) < pageSize {
			return err
		}
		after = page[len(page)-1].PaymentID
	}
}
