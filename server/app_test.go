package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// startApp runs the whole app in this process, on a free port and a fresh database.
func startApp(t testing.TB, databaseURL string, env ...string) *App {
	t.Helper()
	return startLogging(t, slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}), databaseURL, env...)
}

// startLogging is startApp with a log of one's own.
func startLogging(t testing.TB, log slog.Handler, databaseURL string, env ...string) *App {
	t.Helper()
	cfg, err := config.Load(append([]string{
		"ADDR=127.0.0.1:0", "ADMIN_ADDR=", "DATABASE_URL=" + databaseURL, "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s",
		"DATABASE_MAX_CONNS=8",
	}, env...), providerSettings()...)
	if err != nil {
		t.Fatal(err)
	}
	app, err := New(t.Context(), cfg, slog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, app.Close()); err != nil {
			t.Error(err)
		}
	})
	return app
}

// user signs in and knows a product to order.
type user struct {
	*client
	productID string
}

func signedIn(t testing.TB, url, name, role string) *user {
	t.Helper()
	c, err := signIn(t.Context(), url, name, role)
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Products struct{ Nodes []struct{ ID string } }
	}
	if err := c.graphql(t.Context(), `{ products(first: 1) { nodes { id } } }`, nil, &data); err != nil {
		t.Fatal(err)
	}
	return &user{client: c, productID: data.Products.Nodes[0].ID}
}

func (u *user) order(t testing.TB, token string) string {
	t.Helper()
	orderID, err := place(t.Context(), u.client, u.productID, token)
	if err != nil {
		t.Fatal(err)
	}
	return orderID
}

// untilDelivered collects a subscription's items up to the order's delivery.
func untilDelivered(t *testing.T, c *subscriptionClient, orderID string) []item {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	var items []item
	err := c.run(ctx, func(it item) error {
		if it.Order != nil && it.Order.ID != orderID {
			return nil
		}
		items = append(items, it)
		if it.Order != nil && it.Order.Status == "DELIVERED" {
			return errStop
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v after %+v", err, items)
	}
	return items
}

// walk is the course of a plain order by the contract: event type, order status, payment status, from version 1 on.
var walk = []string{
	"1 ORDER_CREATED CREATED INITIALIZING",
	"2 PAYMENT_PROCESSING CREATED PROCESSING",
	"3 PAYMENT_CONFIRMED CONFIRMED CONFIRMED",
	"4 ORDER_DELIVERED DELIVERED CONFIRMED",
}

// lines describes the EVENT items like walk.
func lines(items []item) (out []string) {
	for _, it := range items {
		if it.Kind == "EVENT" {
			out = append(out, fmt.Sprintf("%d %s %s %s", it.Event.Version, it.Event.Type, it.Order.Status, it.Order.Payment.Status))
		}
	}
	return out
}

// A subscriber gets exactly versions 1 to 4, whether it joined before, between or after them, or dropped and resumed.
func TestWalkToSubscribers(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "PAYMENT_STEP_DELAY=100ms", "DELIVERY_DELAY=100ms")
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")

	t.Run("OKBefore", func(t *testing.T) {
		t.Parallel()
		// Before an order exists only the feed can be joined; its SNAPSHOT says that it stands.
		ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
		defer cancel()
		orderID, items := "", []item(nil)
		err := watchFeed(app.URL(), ada.token).run(ctx, func(it item) error {
			switch {
			case it.Kind == "SNAPSHOT" && orderID == "":
				if it.Order != nil {
					t.Error("a feed's snapshot carries an order")
				}
				orderID = ada.order(t, "sim_approve")
			case it.Order != nil && it.Order.ID == orderID:
				items = append(items, it)
				if it.Order.Status == "DELIVERED" {
					return errStop
				}
			}
			return nil
		})
		if got := lines(items); err != nil || !slices.Equal(got, walk) {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("OKBetween", func(t *testing.T) {
		t.Parallel()
		orderID := ada.order(t, "sim_approve")
		items := untilDelivered(t, watchOrder(app.URL(), ada.token, orderID), orderID)
		if items[0].Kind != "SNAPSHOT" {
			t.Fatalf("first is %+v", items[0])
		}
		if got := lines(items); !slices.Equal(got, walk[items[0].Order.Version:]) {
			t.Errorf("after version %d: %q", items[0].Order.Version, got)
		}
	})
	t.Run("OKAfterAndResumedFromEach", func(t *testing.T) {
		t.Parallel()
		orderID := ada.order(t, "sim_approve")
		first := untilDelivered(t, watchOrder(app.URL(), ada.token, orderID), orderID)
		late := untilDelivered(t, watchOrder(app.URL(), ada.token, orderID), orderID)
		if len(late) != 1 || late[0].Kind != "SNAPSHOT" || late[0].Order.Version != 4 {
			t.Errorf("after the end: %+v", late)
		}
		for _, from := range first {
			if from.Order.Version == 4 {
				continue
			}
			c := watchOrder(app.URL(), ada.token, orderID)
			c.variables["after"] = from.Cursor
			if got := lines(untilDelivered(t, c, orderID)); !slices.Equal(got, walk[from.Order.Version:]) {
				t.Errorf("resumed after version %d: %q", from.Order.Version, got)
			}
		}
	})
	t.Run("OKDroppedAndResumed", func(t *testing.T) {
		t.Parallel()
		orderID := ada.order(t, "sim_approve")
		ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
		defer cancel()
		var items []item
		err := watchOrder(app.URL(), ada.token, orderID).run(ctx, func(it item) error {
			items = append(items, it)
			if it.Order.Status == "DELIVERED" {
				return errStop
			}
			return errors.New("drop the connection after each item")
		})
		if got := lines(items); err != nil || !slices.Equal(got, walk[items[0].Order.Version:]) {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("ErrAnothersOrder", func(t *testing.T) {
		t.Parallel()
		orderID := ada.order(t, "sim_approve")
		grace := signedIn(t, app.URL(), "grace", "CUSTOMER")
		err := watchOrder(app.URL(), grace.token, orderID).run(t.Context(), func(it item) error { return fmt.Errorf("got %+v", it) })
		if err == nil || !strings.Contains(err.Error(), `"NOT_FOUND"`) {
			t.Errorf("got %v", err)
		}
		var data struct{ Order *struct{ ID string } }
		if err := grace.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { id } }`, map[string]any{"id": orderID}, &data); err != nil || data.Order != nil {
			t.Errorf("read: %+v, %v", data.Order, err)
		}
	})
}

// Two replicas on one database: each serves every subscriber, no matter which one made the change.
func TestTwoReplicas(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	one, two := startApp(t, databaseURL), startApp(t, databaseURL)
	ada := signedIn(t, one.URL(), "ada", "CUSTOMER")
	for i := range 10 {
		orderID := ada.order(t, "sim_approve")
		for _, replica := range []*App{one, two} {
			items := untilDelivered(t, watchOrder(replica.URL(), ada.token, orderID), orderID)
			if got := lines(items); !slices.Equal(got, walk[items[0].Order.Version:]) {
				t.Errorf("order %d at %s: %q", i, replica.URL(), got)
			}
		}
	}
}

// SSE carries the same items, with the cursor as the event's id.
func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "PAYMENT_STEP_DELAY=300ms")
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	orderID := ada.order(t, "sim_approve")
	first := untilDelivered(t, watchOrder(app.URL(), ada.token, orderID), orderID)
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	body, _ := json.Marshal(map[string]any{"query": watchOrder("", "", "").query, "variables": map[string]any{"id": orderID}})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, app.URL()+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+ada.token)
	request.Header.Set("Last-Event-ID", first[0].Cursor)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Fatalf("Content-Type %q", got)
	}
	want := 4 - first[0].Order.Version
	if want == 0 {
		t.Fatal("the order was delivered before we joined: nothing is left to replay")
	}
	var text strings.Builder
	buffer := make([]byte, 4096)
	for strings.Count(text.String(), "event: next")+strings.Count(text.String(), "event:next") < want {
		n, err := response.Body.Read(buffer)
		text.Write(buffer[:n])
		if err != nil {
			t.Fatalf("%v after %s", err, text.String())
		}
	}
	if !strings.Contains(text.String(), first[len(first)-1].Cursor) {
		t.Errorf("no id: of the last item in\n%s", text.String())
	}
}

// Stopping closes sockets with 1012, so that clients come back.
func TestDrain(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load([]string{"ADDR=127.0.0.1:0", "ADMIN_ADDR=", "DATABASE_URL=" + postgrestest.URL(t)}, providerSettings()...)
	if err != nil {
		t.Fatal(err)
	}
	app, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	closed := make(chan error, 1)
	watching := make(chan struct{})
	go func() {
		closed <- watchFeed(app.URL(), ada.token).connect(t.Context(), func(item) error { close(watching); return nil })
	}()
	<-watching
	stop()
	var closeErr *websocket.CloseError
	if err := <-closed; !errors.As(err, &closeErr) || closeErr.Code != websocket.CloseServiceRestart {
		t.Errorf("closed by %v, want 1012", err)
	}
	if err := errors.Join(<-done, app.Close()); err != nil {
		t.Error(err)
	}
}

// Every path of the contract answers.
func TestSurface(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	open, shut := startApp(t, databaseURL), startApp(t, databaseURL, "INTROSPECTION=false")
	for _, tt := range []struct {
		app    *App
		path   string
		status int
		has    string
	}{
		{open, "/healthz", 200, "ok"},
		{open, "/readyz", 200, "ready"},
		{open, "/schema.graphql", 200, "type Mutation"},
		{open, "/nothing", 404, ""},
		{open, "/assets/", 404, ""},
		{open, "/index.html", 404, ""},
		{shut, "/schema.graphql", 404, ""},
		{shut, "/playground", 404, ""},
		{shut, "/graphql?query=%7B__schema%7BqueryType%7Bname%7D%7D%7D", 200, "errors"},
		{open, "/graphql?query=%7Bviewer%7Bid%7D%7D", 200, `"viewer":null`},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.app.URL()+tt.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", "*/*")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != tt.status || !strings.Contains(string(body), tt.has) {
			t.Errorf("%s: %s\n%.200s", tt.path, response.Status, body)
		}
		if response.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s has no content security policy", tt.path)
		}
	}
}
