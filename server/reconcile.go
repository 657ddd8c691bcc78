package main

import (
	"crypto/rand"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// wireReconciler connects the comparison of our books with the provider's.
func (a *App) wireReconciler(orders *order.Service) {
	a.reconciler = reconcile.New(reconcile.Config{
		Store: postgres.NewReconciliation(a.db.work, a.db.api, rand.Text()), Provider: a.gateway, Recheck: recheck(orders),
		Interval: a.cfg.ReconcileInterval, Window: a.cfg.ReconcileWindow, Rate: a.cfg.ReconcileRate, Log: a.log,
	})
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
