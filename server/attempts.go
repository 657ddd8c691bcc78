package main

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
)

// attemptAlarmEvery is the least time between two lines of the log about refused payments, so that an attack does not fill it.
const attemptAlarmEvery = time.Minute

// attemptLimits are the limits on attempts to pay.
func attemptLimits(cfg config.Config) postgres.AttemptLimits {
	return postgres.AttemptLimits{PerCustomer: cfg.AttemptsPerCustomer, PerAddress: cfg.AttemptsPerAddress, Window: cfg.AttemptsWindow}
}

// readSourceKey reads the key that client addresses are hashed with, if attempts to pay are limited by address.
func (a *App) readSourceKey(ctx context.Context) (err error) {
	if a.cfg.AttemptsPerAddress == 0 {
		return nil
	}
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	a.sourceKey, err = a.work.SharedSecret(ctx, "attempts.source", fresh)
	return err
}

// countRefusals counts refused attempts to pay in the metrics.
func (a *App) countRefusals(orders *order.Service) {
	refusals := orders.Refusals()
	const help = "Attempts to pay that were refused with TOO_MANY_ATTEMPTS, by the limit that was reached."
	a.admin.counter("payment_attempts_refused_total", help, prometheus.Labels{"limit": string(order.PerOrder)}, refusals.Order.Load)
	a.admin.counter("payment_attempts_refused_total", help, prometheus.Labels{"limit": string(order.PerCustomer)}, refusals.Customer.Load)
	a.admin.counter("payment_attempts_refused_total", help, prometheus.Labels{"limit": string(order.PerAddress)}, refusals.Address.Load)
}

// logRefusals returns what logs refused attempts to pay: the first one, and then one line a minute.
func (a *App) logRefusals() func(context.Context, order.AttemptLimit) {
	var mu sync.Mutex
	var last time.Time
	since := 0
	return func(ctx context.Context, limit order.AttemptLimit) {
		mu.Lock()
		defer mu.Unlock()
		since++
		if time.Since(last) < attemptAlarmEvery {
			return
		}
		a.log.WarnContext(ctx, "a limit on payments refuses more of them: somebody may be testing stolen cards; see docs/security.md, Card testing",
			"limit", limit, "refused", since)
		last, since = time.Now(), 0
	}
}
