package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// createEndpoint makes staff name a URL, and returns the endpoint's id and secret.
func createEndpoint(t *testing.T, staff *user, url string) (endpointID, secret string) {
	t.Helper()
	var data struct {
		WebhookEndpointCreate struct {
			Endpoint   struct{ ID string }
			Secret     string
			UserErrors []struct{ Message string }
		}
	}
	err := staff.graphql(t.Context(), `mutation ($url: String!) { webhookEndpointCreate(input: {url: $url}) {
		endpoint { id } secret userErrors { message } } }`, map[string]any{"url": url}, &data)
	if err != nil || len(data.WebhookEndpointCreate.UserErrors) > 0 {
		t.Fatalf("%+v, %v", data, err)
	}
	return data.WebhookEndpointCreate.Endpoint.ID, data.WebhookEndpointCreate.Secret
}

// sent is a webhook as a receiver reads it.
type sent struct {
	ID   string
	Type string
	Data struct {
		EventID      string
		OrderID      string
		OrderVersion int
		OrderStatus  string
		Payment      struct{ Status string }
	}
}

// receiveWebhooks answers 204 to correctly signed webhooks, and passes them on.
func receiveWebhooks(t *testing.T) (url string, verifyWith func(secret string), got <-chan sent) {
	t.Helper()
	received := make(chan sent, 1000)
	ready := make(chan struct{})
	var checker *standardwebhooks.Webhook
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-ready
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = checker.Verify(body, r.Header)
		}
		s := sent{ID: r.Header.Get("webhook-id")}
		if err == nil {
			err = json.Unmarshal(body, &s)
		}
		if err != nil {
			t.Errorf("%v: %s", err, body)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		received <- s
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	return server.URL, func(secret string) {
		var err error
		if checker, err = standardwebhooks.NewWebhook(secret); err != nil {
			t.Fatal(err)
		}
		close(ready)
	}, received
}

// Staff name a URL, somebody orders, and the receiver gets the order's four events, no matter which replica does the work.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	const orders = 10
	databaseURL := postgrestest.URL(t)
	one, two := startApp(t, databaseURL, "ADMIN_ADDR=127.0.0.1:0"), startApp(t, databaseURL)
	url, verifyWith, got := receiveWebhooks(t)
	staff := signedIn(t, one.URL(), "sue", "STAFF")
	endpointID, secret := createEndpoint(t, staff, url+"/hooks")
	verifyWith(secret)

	var placing sync.WaitGroup
	for _, app := range []*App{one, two} {
		ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
		placing.Go(func() {
			for range orders / 2 {
				if _, err := place(t.Context(), ada.client, ada.productID, "sim_approve"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	byOrder, ids := map[string][]sent{}, map[string]bool{}
	for deadline := time.After(eventually.Patience); len(ids) < 4*orders; {
		select {
		case s := <-got:
			if s.ID != s.Data.EventID || ids[s.ID] {
				t.Errorf("%+v: came before %v", s, ids[s.ID])
			}
			ids[s.ID] = true
			byOrder[s.Data.OrderID] = append(byOrder[s.Data.OrderID], s)
		case <-deadline:
			t.Fatalf("received %d of %d events", len(ids), 4*orders)
		}
	}
	placing.Wait()
	for orderID, events := range byOrder {
		slices.SortFunc(events, func(a, b sent) int { return a.Data.OrderVersion - b.Data.OrderVersion })
		var items []item
		for _, s := range events {
			var it item
			raw, _ := json.Marshal(map[string]any{
				"kind": "EVENT", "event": map[string]any{"version": s.Data.OrderVersion, "type": s.Type},
				"order": map[string]any{"status": s.Data.OrderStatus, "payment": map[string]any{"status": s.Data.Payment.Status}},
			})
			if err := json.Unmarshal(raw, &it); err != nil {
				t.Fatal(err)
			}
			items = append(items, it)
		}
		if walked := lines(items); !slices.Equal(walked, walk) {
			t.Errorf("%s: %q", orderID, walked)
		}
		var data struct {
			Order struct {
				Events struct{ Nodes []struct{ ID string } }
			}
		}
		if err := staff.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { events { nodes { id } } } }`, map[string]any{"id": orderID}, &data); err != nil {
			t.Fatal(err)
		}
		for i, e := range data.Order.Events.Nodes {
			if e.ID != events[i].ID {
				t.Errorf("event %d is %s in Order.events and %s in the webhook", i+1, e.ID, events[i].ID)
			}
		}
	}
	checkDeliveries(t, one, staff, endpointID, got)
}

// checkDeliveries wants the log of deliveries to become whole, sends one again, and wants the metrics to have counted.
func checkDeliveries(t *testing.T, app *App, staff *user, endpointID string, got <-chan sent) {
	t.Helper()
	var data struct {
		WebhookDeliveries struct {
			Nodes []struct {
				ID, EventID, Status string
				Attempts            int
			}
		}
	}
	// The answers were given; that they are written down follows.
	for deadline := time.Now().Add(eventually.Patience); ; {
		err := staff.graphql(t.Context(), `query ($id: ID!) { webhookDeliveries(endpointId: $id, status: DELIVERED, first: 100) {
			nodes { id eventId status attempts } } }`, map[string]any{"id": endpointID}, &data)
		if err != nil {
			t.Fatal(err)
		}
		if len(data.WebhookDeliveries.Nodes) == 40 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d deliveries are DELIVERED", len(data.WebhookDeliveries.Nodes))
		}
	}
	delivery := data.WebhookDeliveries.Nodes[7]
	err := staff.graphql(t.Context(), `mutation ($id: ID!) { webhookRedeliver(input: {deliveryId: $id}) { delivery { status } } }`,
		map[string]any{"id": delivery.ID}, &struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case s := <-got:
		if s.ID != delivery.EventID {
			t.Errorf("asked for %s again, got %s", delivery.EventID, s.ID)
		}
	case <-time.After(eventually.Patience):
		t.Error("nothing was sent again")
	}
	response, err := http.Get("http://" + app.admin.listener.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`orderwire_webhook_attempts_total{result="delivered"} `, `orderwire_webhook_attempts_total{result="failed"} 0`, "orderwire_webhook_deliveries_pending "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// The example verifies the server's webhooks, and prints the order's status.
func TestExampleWebhookReceiver(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t))
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	path := filepath.Join(t.TempDir(), "webhook-receiver")
	if output, err := exec.CommandContext(ctx, "go", "build", "-o", path, "../examples/webhook-receiver").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	// The receiver needs the secret to start, and the endpoint its URL: between them stands one whose address is known.
	front := newForwarder(t)
	_, secret := createEndpoint(t, signedIn(t, app.URL(), "sue", "STAFF"), front.URL)
	receiver := exec.CommandContext(ctx, path, "-addr", "127.0.0.1:0")
	receiver.Env = append(receiver.Environ(), "WEBHOOK_SECRET="+secret)
	receiver.Stderr = t.Output()
	stdout, err := receiver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = receiver.Wait()
	}()
	var got []string
	output := bufio.NewScanner(stdout)
	for len(got) < len(walk) && output.Scan() {
		line := output.Text()
		if url, listening := strings.CutPrefix(line, "listening at "); listening {
			front.to(url)
			signedIn(t, app.URL(), "ada", "CUSTOMER").order(t, "sim_approve")
			continue
		}
		_, line, _ = strings.Cut(line, " ") // without the order's number
		got = append(got, strings.TrimSuffix(line, " (late)"))
	}
	slices.Sort(got)
	for i := range walk {
		// The example prints version, type and status; no status for late ones.
		if i >= len(got) || !strings.HasPrefix(walk[i], got[i]) {
			t.Fatalf("the example printed %q", got)
		}
	}
}

// forwarder passes requests on to an address that is known later.
type forwarder struct {
	*httptest.Server
	to func(url string)
}

func newForwarder(t *testing.T) *forwarder {
	t.Helper()
	known := make(chan struct{})
	var target string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-known
		request, err := http.NewRequestWithContext(r.Context(), r.Method, target, r.Body)
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
	}))
	t.Cleanup(server.Close)
	return &forwarder{Server: server, to: func(url string) { target = url; close(known) }}
}
