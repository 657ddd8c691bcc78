package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// dashboard posts an act to the simulated provider's dashboard and returns the status.
func dashboard(t *testing.T, address, token string, body map[string]any) int {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/simulated/dashboard", strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// What staff do in the simulated provider's dashboard reaches the order by the provider's webhook.
func TestDashboard(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "DELIVERY_DELAY=24h")
	s := newScene(t, app)
	act := func(name string) func(int) bool {
		return func(int) bool {
			in := map[string]any{"paymentId": s.paymentID, "act": name}
			if name == "refund" {
				in["amountMinor"] = 1
			}
			if status := dashboard(t, app.URL(), s.staff.token, in); status != http.StatusOK {
				t.Errorf("%s: %d", name, status)
			}
			return false
		}
	}
	events := s.play("sim_delayed", "AUTOMATIC", map[string]func(int) bool{
		"PAYMENT_PROCESSING": func(n int) bool {
			if n == 1 { // it is not sent yet
				return false
			}
			for who, status := range map[string]int{"": http.StatusUnauthorized, s.ada.token: http.StatusForbidden} {
				if got := dashboard(t, app.URL(), who, map[string]any{"paymentId": s.paymentID, "act": "confirm"}); got != status {
					t.Errorf("answered with %d, want %d", got, status)
				}
			}
			return act("confirm")(n)
		},
		"PAYMENT_CONFIRMED": act("refund"), "REFUND_SUCCEEDED": act("refund_fails"), "REFUND_FAILED": act("dispute"),
		"DISPUTE_OPENED": act("review"), "DISPUTE_UPDATED": act("lose"), "DISPUTE_LOST": func(int) bool { return true },
	})
	want := []string{
		"ORDER_CREATED", "PAYMENT_PROCESSING", "PAYMENT_PROCESSING", "PAYMENT_CONFIRMED", "REFUND_SUCCEEDED", "REFUND_FAILED", "PAYMENT_NEEDS_ATTENTION",
		"DISPUTE_OPENED", "DISPUTE_UPDATED", "DISPUTE_LOST",
	}
	if !slices.Equal(events, want) {
		t.Errorf("the events are %q, want %q", events, want)
	}
	var data struct {
		Order struct {
			DeliveryHold string
			Disputes     []struct{ Status, Reason string }
			Refunds      []struct{ Status, Origin string }
		}
	}
	query := `query ($id: ID!) { order(id: $id) { deliveryHold disputes { status reason } refunds { status origin } } }`
	if err := s.staff.graphql(t.Context(), query, map[string]any{"id": s.orderID}, &data); err != nil {
		t.Fatal(err)
	}
	o := data.Order
	if o.DeliveryHold != "DISPUTE" || len(o.Disputes) != 1 || o.Disputes[0].Status != "LOST" || len(o.Refunds) != 1 || o.Refunds[0].Status != "FAILED" || o.Refunds[0].Origin != "PROVIDER" {
		t.Errorf("the order is %+v", o)
	}
}
