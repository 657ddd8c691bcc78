package main

import (
	"context"
	"time"

	"github.com/orderwire/orderwire/internal/postgres"
)

const (
	// partitionsInterval is far below the month that partitions are made ahead.
	partitionsInterval = 6 * time.Hour
	// Prunes are 1/pruneOften of EVENT_RETENTION apart, within the two bounds. So with any retention a row stays only a little too
	// long.
	pruneOften     = 120
	pruneSoonest   = time.Second
	pruneLatest    = time.Hour
	pruneAgainSoon = time.Minute
	// keysInterval: idempotency keys are kept twice as long as promised, so an hour more does not matter.
	keysInterval = time.Hour
)

// maintain runs the database's periodic maintenance until ctx ends: it creates the event log's next partitions, drops old ones,
// and prunes idempotency keys, rate-limit buckets and webhooks.
func (a *App) maintain(ctx context.Context) error {
	partitions := time.NewTicker(partitionsInterval)
	defer partitions.Stop()
	interval := min(max(a.cfg.EventRetention/pruneOften, pruneSoonest), pruneLatest)
	prune := time.NewTimer(interval)
	defer prune.Stop()
	keys := time.NewTicker(keysInterval)
	defer keys.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-partitions.C:
			if err := postgres.EnsurePartitions(ctx, a.db.owner, a.clock.Now()); err != nil {
				a.log.ErrorContext(ctx, "creating the event log's next partitions failed", "error", err)
			}
		case <-keys.C:
			if n, err := postgres.PruneKeys(ctx, a.db.work, postgres.KeyRetention); err != nil && ctx.Err() == nil {
				a.log.ErrorContext(ctx, "pruning idempotency keys failed", "error", err, "pruned", n)
			}
			if err := postgres.ForgetOrderBudgets(ctx, a.db.work); err != nil && ctx.Err() == nil {
				a.log.ErrorContext(ctx, "pruning order rate-limit buckets failed", "error", err)
			}
			if err := postgres.ForgetAttempts(ctx, a.db.work); err != nil && ctx.Err() == nil {
				a.log.ErrorContext(ctx, "pruning payment-attempt buckets failed", "error", err)
			}
			a.pruneInbox(ctx)
		case <-prune.C:
			if a.prune(ctx) {
				prune.Reset(interval)
			} else {
				prune.Reset(min(interval, pruneAgainSoon))
			}
		}
	}
}

// prune drops what EVENT_RETENTION lets go. false: not all could be done now.
func (a *App) prune(ctx context.Context) bool {
	done, err := postgres.Prune(ctx, a.db.owner, a.cfg.EventRetention)
	if err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "dropping old events failed", "error", err)
	}
	if done.FeedPartitions+done.OrderPartitions > 0 {
		a.log.InfoContext(ctx, "dropped old events", "feedPartitions", done.FeedPartitions, "orderPartitions", done.OrderPartitions)
	}
	return err == nil && !done.Busy
}
