package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// until collects an order's items up to one for which done is true.
func until(t *testing.T, u *user, orderID string, done func(item) bool) []item {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	var items []item
	err := watchOrder(u.url, u.token, orderID).run(ctx, func(it item) error {
		items = append(items, it)
		if it.Order != nil && done(it) {
			return errStop
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v after %+v", err, items)
	}
	return items
}

// actionURL waits for the order's action and gives its page's address, as the owner sees it.
func actionURL(t *testing.T, u *user, orderID string) string {
	t.Helper()
	until(t, u, orderID, func(it item) bool { return it.Order.Payment.Status == "REQUIRES_ACTION" })
	var data struct {
		Order struct {
			Payment struct {
				NextAction struct{ Type, URL, ExpiresAt string }
			}
		}
	}
	err := u.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { payment { nextAction { type url expiresAt } } } }`, map[string]any{"id": orderID}, &data)
	action := data.Order.Payment.NextAction
	if err != nil || action.Type != "SIMULATED" || action.URL == "" || action.ExpiresAt == "" {
		t.Fatalf("the action is %+v, %v", action, err)
	}
	return action.URL
}

// open asks for a page as a browser does that was sent there; a decision is posted from the page itself.
func open(t *testing.T, address, decision string) string {
	t.Helper()
	method, body, site := http.MethodGet, "", "none"
	if decision != "" {
		method, body, site = http.MethodPost, url.Values{"decision": {decision}}.Encode(), "same-origin"
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Sec-Fetch-Site", site)
	if decision != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", request.URL.Scheme+"://"+request.URL.Host)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s %v", method, address, response.Status, text, err)
	}
	if policy := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("the page's policy is %q", policy)
	}
	return string(text)
}

// With the default settings a customer completes an action on its page, and the order continues at once: the provider sends the
// server a webhook.
func TestSimulatedAction(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t))
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	for decision, want := range map[string]struct{ text, payment, order string }{
		"approve": {"Payment approved", "CONFIRMED", "DELIVERED"},
		"refuse":  {"Payment refused", "DECLINED", "CREATED"},
	} {
		t.Run(decision, func(t *testing.T) {
			t.Parallel()
			orderID := ada.order(t, "sim_requires_action")
			address := actionURL(t, ada, orderID)
			if !strings.HasPrefix(address, app.URL()+"/simulated/actions/") {
				t.Errorf("the page is at %q", address)
			}
			if text := open(t, address, ""); !strings.Contains(text, "OW-") || !strings.Contains(text, "<button") {
				t.Errorf("the page says %s", text)
			}
			if text := open(t, address, decision); !strings.Contains(text, want.text) {
				t.Errorf("afterwards the page says %s", text)
			}
			items := until(t, ada, orderID, func(it item) bool {
				return it.Order.Payment.Status == want.payment && it.Order.Status == want.order
			})
			// Deciding again changes nothing.
			open(t, address, "approve")
			open(t, address, "refuse")
			if last := items[len(items)-1].Order; last.Status != want.order {
				t.Errorf("the order is %+v", last)
			}
		})
	}
	// The style is served beside the page.
	response, err := http.Get(app.URL() + "/simulated/actions/style.css")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the style: %s", response.Status)
	}
	// Nothing else of the provider is.
	for _, path := range []string{"/simulated/v1/ledger", "/simulated/v1/complete", "/simulated/healthz"} {
		response, err := http.Get(app.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
}

// With every webhook duplicated, reordered and before its answer, an order walks as ever.
func TestSimulatedChaos(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "SIMULATED_WEBHOOKS=all", "SIMULATED_WEBHOOK_CHAOS=duplicate,reorder,early", "SIMULATED_LATENCY=0s-20ms",
		"PAYMENT_STEP_DELAY=50ms", "DELIVERY_DELAY=50ms")
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	for _, token := range []string{"sim_approve", "sim_timeout_charged", "sim_timeout_not_charged", "sim_error_once"} {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			orderID := ada.order(t, token)
			until(t, ada, orderID, func(it item) bool { return it.Order.Status == "DELIVERED" })
			var data struct {
				Order struct {
					Version int
					Events  struct{ Nodes []struct{ Type string } }
				}
			}
			err := ada.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { version events(first: 20) { nodes { type } } } }`, map[string]any{"id": orderID}, &data)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range data.Order.Events.Nodes {
				got = append(got, e.Type)
			}
			if want := []string{"ORDER_CREATED", "PAYMENT_PROCESSING", "PAYMENT_CONFIRMED", "ORDER_DELIVERED"}; !slices.Equal(got, want) {
				t.Errorf("the order walked %v, want %v", got, want)
			}
		})
	}
}

// The provider is a process of its own. It is killed after the customer's decision is in its ledger and before anybody
// was told; started again, it tells.
func TestSimulatedElsewhereKilled(t *testing.T) {
	t.Parallel()
	var shop atomic.Pointer[string]
	refused := make(chan struct{}, 100)
	// The network between the two is down at first.
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := shop.Load()
		if target == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			refused <- struct{}{}
			return
		}
		forward(t, w, r, *target+"/webhooks/simulated")
	}))
	defer between.Close()
	const secret = "SIMULATED_WEBHOOK_SECRET=a secret that both sides have"
	ledger := postgrestest.URL(t)
	provider := newProcess(t, ledger, secret, "SIMULATED_WEBHOOK_URL="+between.URL)
	provider.args = []string{"simprovider"}
	provider.start()
	defer func() { provider.kill() }()
	app := startApp(t, postgrestest.URL(t), secret, "SIMULATED_URL="+provider.url())
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	orderID := ada.order(t, "sim_requires_action")
	address := actionURL(t, ada, orderID)
	if !strings.HasPrefix(address, provider.url()+"/actions/") {
		t.Errorf("the page is at %q", address)
	}
	if text := open(t, address, "approve"); !strings.Contains(text, "Payment approved") {
		t.Errorf("the page says %s", text)
	}
	<-refused
	// Killed before it has noted that, it would let the event rest for 30 seconds: right, and not worth waiting for.
	db, err := postgres.Open(t.Context(), ledger, postgres.AsLogin, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	patience, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	await(patience, t, func() bool {
		var noted bool
		err := db.GetContext(t.Context(), &noted, `SELECT due_at < now() + interval '20 seconds' FROM simulated.events`)
		return err == nil && noted
	})
	provider.kill()
	target := app.URL()
	shop.Store(&target)
	provider.start()
	until(t, ada, orderID, func(it item) bool { return it.Order.Status == "DELIVERED" })
	if text := open(t, address, ""); !strings.Contains(text, "Payment approved") {
		t.Errorf("after a restart the page says %s", text)
	}
}

// forward hands a request on as a reverse proxy does.
func forward(t *testing.T, w http.ResponseWriter, r *http.Request, target string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the provider was killed
	}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	request.Header = r.Header.Clone()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	w.WriteHeader(response.StatusCode)
}
