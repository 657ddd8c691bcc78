package main

import (
	"crypto/rand"
	"fmt"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// wireReconciler connects the comparison of our books with the provider's, and of the provider's with ours.
func (a *App) wireReconciler(orders *order.Service, installation uuid.UUID) error {
	a.reconciler = reconcile.New(reconcile.Config{
		Store: postgres.NewReconciliation(a.db.work, a.db.api, rand.Text()), Provider: a.gateway, Recheck: recheck(orders),
		Interval: a.cfg.ReconcileInterval, Window: a.cfg.ReconcileWindow, Rate: a.cfg.ReconcileRate, Log: a.log,
	})
	books, ok := a.gateway.(reconcile.ChargeBooks)
	if !ok {
		return fmt.Errorf("the payment provider %s has no list of charges", a.gateway.Name())
	}
	a.walker = reconcile.NewWalker(reconcile.WalkConfig{
		Store: postgres.NewOrphans(a.db.work, a.db.api, a.gateway.Name(), rand.Text()), Books: books, Installation: installation,
		Interval: a.cfg.OrphanInterval, Grace: a.cfg.OrphanGrace, Limiter: a.reconciler.Limiter(), Log: a.log,
	})
	a.measureReconciler()
	a.measureWalker()
	return nil
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

func (a *App) measureWalker() {
	if a.cfg.OrphanInterval <= 0 {
		return
	}
	counts := a.walker.Counts()
	a.admin.gauge("orphaned_charges", "Charges of ours at the provider that hold or took money and whose payment is not here.",
		func() int { return int(counts.Open.Load()) })
	a.admin.gauge("orphaned_charges_behind_seconds", "Seconds since the end of the time whose charges have been walked.",
		func() int { return int(counts.Behind.Load()) })
	a.admin.counter("orphaned_charges_detected_total", "Orphaned charges found.", nil, counts.Detected.Load)
	a.admin.counter("orphaned_charges_resolved_total", "Orphaned charges that are settled.", nil, counts.Resolved.Load)
	a.admin.counter("orphaned_charges_errors_total", "Rounds and look-ups that failed.", nil, counts.Errors.Load)
	a.admin.counter("orphaned_charges_rounds_total", "Rounds through the provider's charges that this replica has finished.", nil, counts.Rounds.Load)
}
