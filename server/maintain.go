package main

import (
	"context"
	"time"

	"github.com/orderwire/orderwire/internal/postgres"
)

const (
	// partitionsInterval is far below the month that partitions are made ahead.
	partitionsInterval = 6 * time.Hour
	// pruneOften of EVENT_RETENTION is how far apart two prunes are, between the two bounds: a row stays only a little
	// longer than it has to, whatever the retention is.
	pruneOften     = 120
	pruneSoonest   = time.Second
	pruneLatest    = time.Hour
	pruneAgainSoon = time.Minute
)

// maintain does what the event log needs now and then, until ctx ends: next partitions, and dropping old ones.
func (a *App) maintain(ctx context.Context) error {
	partitions := time.NewTicker(partitionsInterval)
	defer partitions.Stop()
	interval := min(max(a.cfg.EventRetention/pruneOften, pruneSoonest), pruneLatest)
	prune := time.NewTimer(interval)
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-partitions.C:
			if err := postgres.EnsurePartitions(ctx, a.db.DB, time.Now()); err != nil {
				a.log.ErrorContext(ctx, "making the event log's next partitions failed", "error", err)
			}
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
	done, err := postgres.Prune(ctx, a.db.DB, a.cfg.EventRetention)
	if err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "dropping old events failed", "error", err)
	}
	if done.FeedPartitions+done.OrderPartitions > 0 {
		a.log.InfoContext(ctx, "dropped old events", "feedPartitions", done.FeedPartitions, "orderPartitions", done.OrderPartitions)
	}
	return err == nil && !done.Busy
}
