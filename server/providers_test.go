package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// pays returns who was asked to take an order's payment, and the payment's id.
func pays(t *testing.T, u *user, orderID string) (provider string, paymentID id.Payment) {
	t.Helper()
	var data struct {
		Order struct{ Payment struct{ ID, Provider string } }
	}
	if err := u.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { payment { id provider } } }`, map[string]any{"id": orderID}, &data); err != nil {
		t.Fatal(err)
	}
	paymentID, err := id.Parse[id.Payment](data.Order.Payment.ID)
	if err != nil {
		t.Fatal(err)
	}
	return data.Order.Payment.Provider, paymentID
}

// orderInBrowser places an order whose customer gives the means of payment to the provider's own script.
func orderInBrowser(t *testing.T, u *user) string {
	t.Helper()
	var created struct {
		OrderCreate struct{ Order struct{ ID string } }
	}
	err := u.graphql(t.Context(), orderCreate, map[string]any{"input": map[string]any{
		"idempotencyKey": uuid.NewString(), "items": []any{map[string]any{"productId": u.productID, "quantity": 1}},
	}}, &created)
	if err != nil {
		t.Fatal(err)
	}
	return created.OrderCreate.Order.ID
}

// A shop that has taken payments with the simulated provider goes over to Stripe while some are open. Both providers' webhooks arrive and
// both providers' books are compared.
func TestTwoProviders(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	// Killed within a round, it would keep the lease for three minutes.
	before := newProcess(t, url, "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s", "RECONCILE_INTERVAL=0s")
	before.start()
	t.Cleanup(func() {
		if before.cmd.ProcessState == nil {
			before.kill()
		}
	})
	ada := signedIn(t, before.url(), "ada", "CUSTOMER")
	waiting := ada.order(t, "sim_requires_action")
	actionURL(t, ada, waiting)
	before.kill()

	fake, settings := startStripe(t)
	app := startApp(t, url, append(settings, "PAYMENT_PROVIDER=stripe,simulated", "ADMIN_ADDR=127.0.0.1:0", "RECONCILE_INTERVAL=50ms", "RECONCILE_RATE=1000")...)
	ada, sue := signedIn(t, app.URL(), "ada", "CUSTOMER"), signedIn(t, app.URL(), "sue", "STAFF")
	if _, err := place(t.Context(), ada.client, ada.productID, "sim_approve"); err == nil || !strings.Contains(err.Error(), "PAYMENT_METHOD_INVALID") {
		t.Errorf("the old provider takes new payments: %v", err)
	}
	provider, paymentID := pays(t, ada, waiting)
	if _, err := simulatedIn(t, app).Complete(t.Context(), paymentID, true); err != nil { // its webhook tells us
		t.Fatal(err)
	}
	untilDelivered(t, watchOrder(app.URL(), ada.token, waiting), waiting)
	if provider != "simulated" {
		t.Errorf("the open payment is of %q", provider)
	}

	bought := orderInBrowser(t, ada)
	until(t, ada, bought, func(it item) bool { return it.Order.Payment.Status == "REQUIRES_ACTION" })
	if provider, _ := pays(t, ada, bought); provider != "stripe" {
		t.Errorf("the new payment is of %q", provider)
	}
	if !fake.PayInBrowser(clientSecret(t, ada, bought), fakestripe.Visa) {
		t.Error("the browser could not pay")
	}
	if err := fake.Deliver(t.Context(), app.URL()+"/webhooks/stripe", stripeWebhookSecret); err != nil {
		t.Error(err)
	}
	untilDelivered(t, watchOrder(app.URL(), ada.token, bought), bought)
	chargedOnce(t, fake, bought)

	fake.RefundInDashboard(fake.Of(bought)[0].ID)
	key, err := id.Parse[id.Order](waiting)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := postgrestest.Connect(t, url).DB.ExecContext(t.Context(), `UPDATE simulated.charges SET refunded = 1 WHERE order_id = $1`, key); err != nil {
		t.Fatal(err)
	}
	// What a refund explains is booked; money that moved without one stays a difference.
	await(t.Context(), t, func() bool {
		var data struct {
			Order struct {
				Refunds []struct{ Origin, Status string }
			}
		}
		if err := ada.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { refunds { origin status } } }`, map[string]any{"id": bought}, &data); err != nil {
			t.Fatal(err)
		}
		refunds := data.Order.Refunds
		return len(refunds) == 1 && refunds[0].Origin == "PROVIDER" && refunds[0].Status == "SUCCEEDED"
	})
	await(t.Context(), t, func() bool {
		type difference struct {
			Payment struct{ Order struct{ ID string } }
		}
		var data struct {
			Reconciliation struct{ Nodes []difference }
		}
		if err := sue.graphql(t.Context(), `{ reconciliation { nodes { payment { order { id } } } } }`, nil, &data); err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(data.Reconciliation.Nodes, func(d difference) bool { return d.Payment.Order.ID == waiting })
	})
}

// A server without the provider of open payments logs that when it starts, with the setting to change.
func TestUnservedPaymentsAreTold(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	_, settings := startStripe(t)
	before := newProcess(t, url, append(settings, "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s")...)
	before.start()
	t.Cleanup(func() {
		if before.cmd.ProcessState == nil {
			before.kill()
		}
	})
	ada := signedIn(t, before.url(), "ada", "CUSTOMER")
	for range 2 {
		until(t, ada, orderInBrowser(t, ada), func(it item) bool { return it.Order.Payment.Status == "REQUIRES_ACTION" })
	}
	paid := ada.order(t, fakestripe.Visa)
	untilDelivered(t, watchOrder(before.url(), ada.token, paid), paid)
	before.kill()

	log := &lockedBuffer{}
	app := startLogging(t, slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}), url)
	const want = `provider=stripe payments=2 set="PAYMENT_PROVIDER=simulated,stripe"`
	if !strings.Contains(log.String(), want) {
		t.Errorf("the log lacks %s:\n%s", want, log)
	}
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	if orderID, err := place(ctx, signedIn(t, app.URL(), "grace", "CUSTOMER").client, ada.productID, "sim_approve"); err != nil || orderID == "" {
		t.Errorf("a new order: %v", err)
	}
}
