package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// metrics returns the app's metrics page.
func metrics(t *testing.T, app *App) string {
	t.Helper()
	response, err := http.Get("http://" + app.admin.listener.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A customer's action at the provider reaches the order by webhook, and the subscriber by events; nobody else can send a webhook.
func TestWebhooksIn(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	app := startApp(t, url, "ADMIN_ADDR=127.0.0.1:0")
	db := postgrestest.Connect(t, url).DB

	t.Run("OK", func(t *testing.T) {
		ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
		orderID := ada.order(t, "sim_requires_action")
		var data struct {
			Order struct{ Payment struct{ ID, Status string } }
		}
		await(t.Context(), t, func() bool {
			err := ada.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { payment { id status } } }`, map[string]any{"id": orderID}, &data)
			return err == nil && data.Order.Payment.Status == "REQUIRES_ACTION"
		})
		paymentID, err := id.Parse[id.Payment](data.Order.Payment.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := simulatedIn(t, app).Complete(t.Context(), paymentID, true); err != nil {
			t.Fatal(err)
		}
		untilDelivered(t, watchOrder(app.URL(), ada.token, orderID), orderID)
		var status string
		if err := db.GetContext(t.Context(), &status, `SELECT status FROM webhook_inbox WHERE payment_id = $1`, paymentID); err != nil || status == "FAILED" {
			t.Error(status, err)
		}
	})
	for name, c := range map[string]struct {
		provider, host, origin string
		want                   int
	}{
		"ErrForged":          {provider: simulated.Name, want: http.StatusBadRequest},
		"ErrUnknownProvider": {provider: "stripe", want: http.StatusNotFound},
		"ErrHost":            {provider: simulated.Name, host: "evil.example", want: http.StatusMisdirectedRequest},
		"ErrOrigin":          {provider: simulated.Name, origin: "https://evil.example", want: http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL()+"/webhooks/"+c.provider, strings.NewReader(`{"id":"evt"}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = c.host
			r.Header.Set(simulated.SignatureHeader, "t=1764000000,v1=00")
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != c.want {
				t.Errorf("%s, want %d", response.Status, c.want)
			}
		})
	}
	for _, line := range []string{`webhooks_received_total{result="accepted"} 1`, `webhooks_received_total{result="refused"} 1`} {
		await(t.Context(), t, func() bool { return strings.Contains(metrics(t, app), "orderwire_"+line+"\n") })
	}
}
