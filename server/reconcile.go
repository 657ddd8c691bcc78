package main

import (
	"crypto/rand"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// wireReconciler connects the comparison of our books with the providers', and of each provider's with ours.
func (a *App) wireReconciler(orders *order.Service, installation uuid.UUID) {
	a.reconciler = reconcile.New(reconcile.Config{
		Store: postgres.NewReconciliation(a.db.work, a.db.api, rand.Text()), Providers: a.providers, RequestRecheck: requestRecheck(orders),
		Interval: a.cfg.ReconcileInterval, Window: a.cfg.ReconcileWindow, Rate: a.cfg.ReconcileRate, Log: a.log,
	})
	for _, provider := range a.providers.All() {
		a.walkers = append(a.walkers, reconcile.NewWalker(reconcile.WalkConfig{
			Store: postgres.NewOrphans(a.db.work, a.db.api, provider.Name, rand.Text()), Books: provider.Charges, Installation: installation,
			Interval: a.cfg.OrphanInterval, Grace: a.cfg.OrphanGrace, Limiter: a.reconciler.Limiter(), Log: a.log.With("provider", provider.Name),
		}))
	}
	a.measureReconciler()
	a.measureWalkers()
}

func (a *App) measureReconciler() {
	if a.cfg.ReconcileInterval <= 0 {
		return
	}
	counts := a.reconciler.Counts()
	a.admin.gauge("reconciliation_differences", "Payments whose money at the provider is not what our books say.",
		func() int { return int(counts.Open.Load()) })
	a.admin.counter("reconciliation_checked_total", "Payments compared with the provider.", nil, counts.Checked.Load)
	a.admin.counter("reconciliation_errors_total", "Payments that could not be compared with the provider.", nil, counts.Errors.Load)
	a.admin.counter("reconciliation_detected_total", "Differences found.", nil, counts.Detected.Load)
	a.admin.counter("reconciliation_resolved_total", "Differences that are gone.", nil, counts.Resolved.Load)
	a.admin.counter("reconciliation_rounds_total", "Rounds that this replica has finished.", nil, counts.Rounds.Load)
}

// measureWalkers exports the sums of all providers' walks. Each knows all open orphans, and the delay of its own provider.
func (a *App) measureWalkers() {
	if a.cfg.OrphanInterval <= 0 {
		return
	}
	most := func(of func(*reconcile.OrphanCounts) *atomic.Int64) func() int {
		return func() (n int) {
			for _, walker := range a.walkers {
				n = max(n, int(of(walker.Counts()).Load()))
			}
			return n
		}
	}
	sum := func(of func(*reconcile.OrphanCounts) *atomic.Int64) func() int64 {
		return func() (n int64) {
			for _, walker := range a.walkers {
				n += of(walker.Counts()).Load()
			}
			return n
		}
	}
	a.admin.gauge("orphaned_charges", "Charges of this installation that hold or took money at the provider and that no payment here references.",
		most(func(c *reconcile.OrphanCounts) *atomic.Int64 { return &c.Open }))
	a.admin.gauge("orphaned_charges_behind_seconds", "Seconds since the end of the time whose charges have been walked.",
		most(func(c *reconcile.OrphanCounts) *atomic.Int64 { return &c.Behind }))
	a.admin.counter("orphaned_charges_detected_total", "Orphaned charges found.", nil,
		sum(func(c *reconcile.OrphanCounts) *atomic.Int64 { return &c.Detected }))
	a.admin.counter("orphaned_charges_resolved_total", "Orphaned charges that are settled.", nil,
		sum(func(c *reconcile.OrphanCounts) *atomic.Int64 { return &c.Resolved }))
	a.admin.counter("orphaned_charges_errors_total", "Rounds and look-ups that failed.", nil,
		sum(func(c *reconcile.OrphanCounts) *atomic.Int64 { return &c.Errors }))
	a.admin.counter("orphaned_charges_rounds_total", "Rounds through the provider's charges that this replica has finished.", nil,
		sum(func(c *reconcile.OrphanCounts) *atomic.Int64 { return &c.Rounds }))
}
