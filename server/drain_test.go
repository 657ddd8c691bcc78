package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// replica is the same program on another port.
func (p *process) replica() *process {
	p.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	addr := listener.Addr().String()
	_ = listener.Close()
	return &process{t: p.t, path: p.path, addr: addr, env: append(slices.Clone(p.env), "ADDR="+addr)}
}

// terminate is SIGTERM. ended receives how the process ended.
func (p *process) terminate() (ended <-chan error) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	return done
}

// ready tells whether a replica takes traffic.
func ready(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// Two processes behind one name, and the first is told to stop while mutations run and subscribers watch.
func TestDrainAcrossReplicas(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	databaseURL := postgrestest.URL(t)
	db := postgrestest.Connect(t, databaseURL).DB
	one := newProcess(t, databaseURL, "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s", "SHUTDOWN_TIMEOUT=60s")
	two := one.replica()
	one.start()
	two.start()
	t.Cleanup(two.kill)
	ada := signedIn(t, one.url(), "ada", "CUSTOMER")

	// Subscribers with the published helper's behaviour, and one that has forgotten its cursor, as a stock client does.
	feed := make(chan item, 1000)
	watched, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	moved := make(chan error, 1)
	go func() {
		client := watchFeed(one.url(), ada.token)
		each := func(it item) error {
			client.variables["after"] = it.Cursor
			feed <- it
			return nil
		}
		closed := client.connect(watched, each)
		moved <- closed
		client.url = two.url()
		_ = client.run(watched, each) // ends with watched
	}()
	if first := <-feed; first.Kind != "SNAPSHOT" {
		t.Fatalf("first is %+v", first)
	}
	socket := dialWire(t, one.url()).init(ada.token).watch("feed")
	stream := events(t, one.url(), ada.token)

	// Two mutations that cannot finish yet, one over HTTP and one over the websocket.
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `LOCK TABLE orders IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	input := func() map[string]any {
		return map[string]any{"input": map[string]any{
			"idempotencyKey": uuid.NewString(), "paymentMethod": map[string]any{"token": "sim_approve"},
			"items": []any{map[string]any{"productId": ada.productID, "quantity": 1}},
		}}
	}
	answered := make(chan error, 1)
	var created struct {
		OrderCreate struct{ Order struct{ ID string } }
	}
	go func() { answered <- ada.graphql(ctx, orderCreate, input(), &created) }()
	waiting := func(want int) {
		t.Helper()
		await(ctx, t, func() bool {
			var n int
			err := db.GetContext(ctx, &n, `SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass AND NOT granted`)
			return err == nil && n == want
		})
	}
	waiting(1)
	socket.send("create", "subscribe", map[string]any{"query": orderCreate, "variables": input()})
	waiting(2)

	ended := one.terminate()
	await(ctx, t, func() bool { return !ready(ctx, one.url()) })
	if err := tx.Commit(); err != nil { // lets the mutations continue
		t.Fatal(err)
	}
	if err := <-answered; err != nil || created.OrderCreate.Order.ID == "" {
		t.Errorf("the mutation that ran: %+v, %v", created, err)
	}
	before := socket.closedWith(websocket.CloseServiceRestart)
	if !slices.ContainsFunc(before, func(m wireMessage) bool {
		return m.ID == "create" && m.Type == "next" && strings.Contains(string(m.Payload), `"order_`)
	}) {
		t.Errorf("the mutation over the websocket was not answered: %+v", before)
	}
	var closed *websocket.CloseError
	if err := <-moved; !errors.As(err, &closed) || closed.Code != websocket.CloseServiceRestart {
		t.Errorf("the subscriber was closed by %v", err)
	}
	for stream.Scan() {
		if strings.HasPrefix(stream.Text(), "event: complete") {
			t.Error("complete tells an event stream's client not to come back")
		}
	}
	if ready(ctx, one.url()) {
		t.Error("ready again after its sockets were closed")
	}
	if err := <-ended; err != nil {
		t.Errorf("the process ended with %v", err)
	}

	// On the other replica the feed continues at the same place: each version of each order once and in order.
	third, err := place(ctx, &client{url: two.url(), token: ada.token}, ada.productID, "sim_approve")
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]int{}
	for versions[third] < 4 || versions[created.OrderCreate.Order.ID] < 4 {
		select {
		case <-ctx.Done():
			t.Fatalf("waited too long; got %v", versions)
		case it := <-feed:
			if it.Kind == "CHECKPOINT" {
				continue
			}
			if it.Kind != "EVENT" || it.Event.Version != versions[it.Order.ID]+1 {
				t.Fatalf("got %s after %v", fmt.Sprintf("%s %+v", it.Kind, it.Order), versions)
			}
			versions[it.Order.ID] = it.Event.Version
		}
	}
	if len(versions) != 3 {
		t.Errorf("got the events of %d orders, want 3", len(versions))
	}
	// Without a cursor the stream starts with the current state.
	items := untilDelivered(t, watchOrder(two.url(), ada.token, third), third)
	if len(items) != 1 || items[0].Kind != "SNAPSHOT" || items[0].Order.Version != 4 {
		t.Errorf("without a cursor: %+v", items)
	}
}
