package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/webhookinbox"
)

// inboxRetention is the time for which finished webhooks are kept, so that operators can investigate. Providers repeat a webhook
// for a few days at most.
const inboxRetention = 30 * 24 * time.Hour

// requestRecheck returns the function that requests a look-up of a payment, by the rules of its order.
func requestRecheck(orders *order.Service) func(context.Context, id.Payment) error {
	return func(ctx context.Context, paymentID id.Payment) error {
		_, err := orders.RecheckPayment(ctx, auth.System, paymentID)
		return err
	}
}

// wireInbox connects the provider's webhooks: routes serves the receiver, Run runs the processor.
func (a *App) wireInbox(orders *order.Service) {
	store, counts := postgres.NewInbox(a.db.work), &webhookinbox.Counts{}
	a.inbox = webhookinbox.NewProcessor(webhookinbox.ProcessorConfig{Store: store, RequestRecheck: requestRecheck(orders), Counts: counts, Log: a.log})
	verifiers := map[string]payment.WebhookVerifier{}
	for _, provider := range a.providers.All() {
		if provider.Webhooks != nil {
			verifiers[provider.Name] = provider.Webhooks
		}
	}
	a.hooks = webhookinbox.NewReceiver(webhookinbox.ReceiverConfig{
		Store: store, Verifiers: verifiers, Stored: a.inbox.Wake, Counts: counts, Now: a.clock.Now, Log: a.log,
	})
	const received = "Webhooks of the payment provider by their answer: refused ones were forged, too old or malformed."
	a.admin.counter("webhooks_received_total", received, prometheus.Labels{"result": "accepted"}, counts.Accepted.Load)
	a.admin.counter("webhooks_received_total", received, prometheus.Labels{"result": "duplicate"}, counts.Duplicate.Load)
	a.admin.counter("webhooks_received_total", received, prometheus.Labels{"result": "refused"}, counts.Refused.Load)
	a.admin.counter("webhooks_received_total", received, prometheus.Labels{"result": "unavailable"}, counts.Unavailable.Load)
	const worked = "Processed webhooks of the payment provider by result: ignored ones belong to no payment of ours, failed ones are not tried again."
	a.admin.counter("webhooks_worked_total", worked, prometheus.Labels{"result": "done"}, counts.Done.Load)
	a.admin.counter("webhooks_worked_total", worked, prometheus.Labels{"result": "ignored"}, counts.Ignored.Load)
	a.admin.counter("webhooks_worked_total", worked, prometheus.Labels{"result": "failed"}, counts.Failed.Load)
	a.admin.counter("webhooks_worked_total", worked, prometheus.Labels{"result": "retried"}, counts.Retried.Load)
}

// pruneInbox deletes finished webhooks older than inboxRetention.
func (a *App) pruneInbox(ctx context.Context) {
	n, err := postgres.NewInbox(a.db.work).Prune(ctx, inboxRetention)
	if err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "pruning the webhook inbox failed", "error", err, "deleted", n)
	}
}
