package main

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/webhook"
)

// countTimeout bounds counting deliveries and endpoints, when metrics are asked for.
const countTimeout = 2 * time.Second

// wireWebhooks connects the feed with the endpoints of webhooks.
func (a *App) wireWebhooks() *webhook.Service {
	store := postgres.NewWebhooks(a.db.work)
	destinations := webhook.Destinations{Loopback: a.cfg.DevAuth()}
	a.deliverer = webhook.NewDeliverer(store, webhook.Config{
		Destinations: destinations, Timeout: a.cfg.WebhookTimeout, PerEndpoint: a.cfg.WebhookConcurrency,
		Retention: a.cfg.WebhookRetention, DisableAfter: a.cfg.WebhookDisableAfter, Clock: a.clock.Now, Logger: a.log,
	})
	a.fanout = webhook.NewFanout(postgres.NewLog(a.db.work), store, rand.Text(), a.clock.Now, a.deliverer.Wake, a.log)
	a.replayer = webhook.NewReplayer(postgres.NewLog(a.db.work), store, a.clock.Now, a.deliverer.Wake, a.log)
	a.admin.gauge("webhook_deliveries_pending", "Webhook deliveries that wait, of all replicas. -1: not known.", counted(a.deliverer.Pending))
	a.admin.gauge("webhook_endpoints_disabled", "Webhook endpoints that the server disabled and nobody enabled since. -1: not known.", counted(a.deliverer.Disabled))
	const attempts = "Webhook requests of this replica by result: delivered, to be retried, or failed for good."
	counts := a.deliverer.Counts()
	a.admin.counter("webhook_attempts_total", attempts, prometheus.Labels{"result": "delivered"}, counts.Delivered.Load)
	a.admin.counter("webhook_attempts_total", attempts, prometheus.Labels{"result": "retried"}, counts.Retried.Load)
	a.admin.counter("webhook_attempts_total", attempts, prometheus.Labels{"result": "failed"}, counts.Failed.Load)
	a.admin.counter("webhook_endpoints_disabled_total", "Webhook endpoints that this replica disabled: gone, or failing for WEBHOOK_DISABLE_AFTER.", nil, counts.Disabled.Load)
	return webhook.NewService(postgres.NewWebhooks(a.db.api), postgres.NewLog(a.db.api), destinations, a.cfg.WebhookMaxEndpoints, a.clock.Now, a.deliverer.Wake)
}

// counted is a gauge that asks the database.
func counted(count func(context.Context) (int, error)) func() int {
	return func() int {
		ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
		defer cancel()
		n, err := count(ctx)
		if err != nil {
			return -1
		}
		return n
	}
}
