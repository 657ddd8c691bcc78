package main

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

const (
	stripeKey           = "sk_test_orderwire"
	stripeWebhookSecret = "whsec_orderwire"
)

// startStripe runs a Stripe of the test's own and gives the settings that lead to it.
func startStripe(t *testing.T) (*fakestripe.Stripe, []string) {
	t.Helper()
	fake := fakestripe.New(stripeKey)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, []string{
		"PAYMENT_PROVIDER=stripe", "STRIPE_SECRET_KEY=" + stripeKey, "STRIPE_WEBHOOK_SECRET=whsec_old," + stripeWebhookSecret,
		"STRIPE_API_BASE=" + server.URL,
	}
}

// chargedOnce wants one PaymentIntent for the order, and one charge.
func chargedOnce(t *testing.T, fake *fakestripe.Stripe, orderID string) {
	t.Helper()
	if of := fake.Of(orderID); len(of) != 1 || of[0].Captured != of[0].Amount || of[0].Refunded != 0 || of[0].Metadata["installation"] == "" {
		t.Errorf("Stripe has %+v", of)
	}
}

func TestStripe(t *testing.T) {
	t.Parallel()
	fake, settings := startStripe(t)
	app := startApp(t, postgrestest.URL(t), settings...)
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")

	t.Run("OKToken", func(t *testing.T) {
		t.Parallel()
		orderID := ada.order(t, fakestripe.Visa)
		items := untilDelivered(t, watchOrder(app.URL(), ada.token, orderID), orderID)
		if got := lines(items); !slices.Equal(got, walk[items[0].Order.Version:]) {
			t.Errorf("after version %d: %q", items[0].Order.Version, got)
		}
		chargedOnce(t, fake, orderID)
	})
	// The customer pays with Stripe.js, and only Stripe's webhook tells us.
	t.Run("OKBrowser", func(t *testing.T) {
		t.Parallel()
		var created struct {
			OrderCreate struct {
				Order struct{ ID string }
			}
		}
		err := ada.graphql(t.Context(), orderCreate, map[string]any{"input": map[string]any{
			"idempotencyKey": uuid.NewString(), "items": []any{map[string]any{"productId": ada.productID, "quantity": 1}},
		}}, &created)
		if err != nil {
			t.Fatal(err)
		}
		orderID := created.OrderCreate.Order.ID
		ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
		defer cancel()
		var items []item
		err = watchOrder(app.URL(), ada.token, orderID).run(ctx, func(it item) error {
			items = append(items, it)
			if it.Order.Status == "DELIVERED" {
				return errStop
			}
			if it.Order.Payment.Status != "REQUIRES_ACTION" {
				return nil
			}
			if !fake.PayInBrowser(clientSecret(t, ada, orderID), fakestripe.Visa) {
				t.Error("the browser could not pay")
			}
			return fake.Deliver(ctx, app.URL()+"/webhooks/stripe", stripeWebhookSecret)
		})
		want := []string{
			"1 ORDER_CREATED CREATED INITIALIZING",
			"2 PAYMENT_PROCESSING CREATED PROCESSING",
			"3 PAYMENT_ACTION_REQUIRED CREATED REQUIRES_ACTION",
			"4 PAYMENT_PROCESSING CREATED PROCESSING",
			"5 PAYMENT_CONFIRMED CONFIRMED CONFIRMED",
			"6 ORDER_DELIVERED DELIVERED CONFIRMED",
		}
		if got := lines(items); err != nil || !slices.Equal(got, want[items[0].Order.Version:]) {
			t.Errorf("got %q, %v", got, err)
		}
		chargedOnce(t, fake, orderID)
	})
	// A dispute's webhook has no metadata of ours: the inbox finds the payment by its charge.
	t.Run("OKDisputed", func(t *testing.T) {
		t.Parallel()
		fake, settings := startStripe(t)
		app := startApp(t, postgrestest.URL(t), settings...)
		ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
		orderID := ada.order(t, fakestripe.Visa)
		untilDelivered(t, watchOrder(app.URL(), ada.token, orderID), orderID)
		charge := fake.Of(orderID)[0]
		dispute := fake.Dispute(charge.ID, charge.Amount, true)
		for _, step := range []struct{ move, want string }{{"", "WARNING"}, {"needs_response", "NEEDS_RESPONSE"}, {"lost", "LOST"}} {
			if step.move != "" {
				fake.MoveDispute(dispute, step.move)
			}
			if err := fake.Deliver(t.Context(), app.URL()+"/webhooks/stripe", stripeWebhookSecret); err != nil {
				t.Fatal(err)
			}
			untilDisputed(t, ada, orderID, step.want)
		}
	})
	t.Run("ErrOtherProvidersToken", func(t *testing.T) {
		t.Parallel()
		if _, err := place(t.Context(), ada.client, ada.productID, "sim_approve"); err == nil || !strings.Contains(err.Error(), "PAYMENT_METHOD_INVALID") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ErrForgedWebhook", func(t *testing.T) {
		t.Parallel()
		forged := fakestripe.Event{ID: "evt_forged", Body: []byte(`{"id":"evt_forged","type":"charge.succeeded","data":{"object":{}}}`)}
		if err := fakestripe.Post(t.Context(), app.URL()+"/webhooks/stripe", "whsec_guessed", forged); err == nil || !strings.Contains(err.Error(), "400") {
			t.Errorf("got %v", err)
		}
	})
}

// untilDisputed waits until the order has one dispute, in a status.
func untilDisputed(t *testing.T, owner *user, orderID, want string) {
	t.Helper()
	deadline := time.After(eventually.Patience)
	for {
		var data struct {
			Order struct{ Disputes []struct{ Status string } }
		}
		if err := owner.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { disputes { status } } }`, map[string]any{"id": orderID}, &data); err != nil {
			t.Fatal(err)
		}
		if d := data.Order.Disputes; len(d) == 1 && d[0].Status == want {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("disputes %+v, want one that is %s", data.Order.Disputes, want)
		case <-time.After(10 * time.Millisecond): // a pause between attempts
		}
	}
}

// clientSecret returns the secret with which the order's owner pays.
func clientSecret(t *testing.T, owner *user, orderID string) string {
	t.Helper()
	var data struct {
		Order struct {
			Payment struct {
				NextAction struct{ Type, ClientSecret string }
			}
		}
	}
	err := owner.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { payment { nextAction { type clientSecret } } } }`, map[string]any{"id": orderID}, &data)
	if action := data.Order.Payment.NextAction; err != nil || action.Type != "CLIENT_SECRET" || action.ClientSecret == "" {
		t.Errorf("next action %+v, %v", action, err)
	}
	return data.Order.Payment.NextAction.ClientSecret
}

// Killed while Stripe has created and not answered, killed again while it has charged and not answered: one charge.
func TestStripeKilled(t *testing.T) {
	t.Parallel()
	fake, settings := startStripe(t)
	server := newProcess(t, postgrestest.URL(t), append(settings, "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s")...)
	server.start()
	t.Cleanup(func() { server.kill() })
	ada := signedIn(t, server.url(), "ada", "CUSTOMER")
	fake.Fail("create", fakestripe.HangAfter)
	fake.Fail("confirm", fakestripe.HangAfter)
	orderID := ada.order(t, fakestripe.Visa)
	for range 2 {
		select {
		case <-fake.Hung():
		case <-time.After(eventually.Patience):
			t.Fatal("Stripe was not asked")
		}
		server.kill()
		server.start()
	}
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	err := watchOrder(server.url(), ada.token, orderID).run(ctx, func(it item) error {
		if it.Order.Status == "DELIVERED" {
			return errStop
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	chargedOnce(t, fake, orderID)
	if n := fake.Calls("confirm"); n != 1 {
		t.Errorf("%d confirmations: the charge was not looked up", n)
	}
}
