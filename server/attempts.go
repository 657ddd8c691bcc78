package main

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
)

// attemptAlarmEvery is how far apart two lines of the log about refused attempts to pay are, so that an attack does not fill it.
const attemptAlarmEvery = time.Minute

// limitAttempts sets the limits on attempts to pay, and reads the key that client addresses are hashed with.
func (a *App) limitAttempts(ctx context.Context) (err error) {
	limits := postgres.AttemptLimits{PerCustomer: a.cfg.AttemptsPerCustomer, PerAddress: a.cfg.AttemptsPerAddress, Window: a.cfg.AttemptsWindow}
	a.store.LimitAttempts(limits)
	a.work.LimitAttempts(limits)
	if limits.PerAddress == 0 {
		return nil // no address is to be known
	}
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	a.sourceKey, err = a.work.SharedSecret(ctx, "attempts.source", fresh)
	return err
}

// watchAttempts tells operators of refused attempts to pay: by metrics, and by a line of the log for the first and then one a minute.
func (a *App) watchAttempts(orders *order.Service) {
	refusals := orders.Refusals()
	const help = "Attempts to pay that were refused with TOO_MANY_ATTEMPTS, by the limit that was reached."
	a.admin.counter("payment_attempts_refused_total", help, prometheus.Labels{"limit": string(order.PerOrder)}, refusals.Order.Load)
	a.admin.counter("payment_attempts_refused_total", help, prometheus.Labels{"limit": string(order.PerCustomer)}, refusals.Customer.Load)
	a.admin.counter("payment_attempts_refused_total", help, prometheus.Labels{"limit": string(order.PerAddress)}, refusals.Address.Load)
	var mu sync.Mutex
	var last time.Time
	since := 0
	orders.AlertOf(func(ctx context.Context, limit order.AttemptLimit) {
		mu.Lock()
		defer mu.Unlock()
		since++
		if time.Since(last) < attemptAlarmEvery {
			return
		}
		a.log.WarnContext(ctx, "attempts to pay are refused: somebody may be testing cards; see docs/security.md, Card testing",
			"limit", limit, "refused", since)
		last, since = time.Now(), 0
	})
}
