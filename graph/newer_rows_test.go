package graph_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/stream"
	"github.com/orderwire/orderwire/internal/webhook"
)

// TestNewerRows: a value that a later version of the server has written, and this one does not know, is UNAVAILABLE wherever it is
// selected: never INTERNAL, never an enum value that the schema lacks, never null in its place without an error.
func TestNewerRows(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID := w.order(ada, w.product("MUG", 1200, "EUR"), "sim_approve")
	endpointID := w.do(staff, endpointCreate, vars{"input": vars{"url": "http://127.0.0.1:9/"}}).ok().text("webhookEndpointCreate.endpoint.id")
	endpoint, err := id.Parse[id.Endpoint](endpointID)
	if err != nil {
		t.Fatal(err)
	}
	delivery := webhook.NewDelivery{ID: id.New[id.Delivery](), EndpointID: endpoint, EventID: id.New[id.Event](), EventType: order.OrderCreated, Body: []byte("{}"), CreatedAt: order.SystemClock()}
	if _, err := postgres.NewWebhooks(w.db.Worker).AddDeliveries(t.Context(), webhook.Batch{To: 1, Deliveries: []webhook.NewDelivery{delivery}}); err != nil {
		t.Fatal(err)
	}
	exec := func(statement string) {
		t.Helper()
		if _, err := w.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec(`ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`)
	for table, constraint := range map[string]string{
		"orders": "orders_status_check", "payments": "payments_status_check", "order_events": "order_events_actor_kind_check", "webhook_deliveries": "webhook_deliveries_status_check",
	} {
		exec(`ALTER TABLE ` + table + ` DROP CONSTRAINT ` + constraint)
	}
	exec(`ALTER TABLE webhook_deliveries DROP CONSTRAINT due_only_pending`)
	exec(`ALTER TABLE orders DROP CONSTRAINT expires_only_unpaid`)
	const (
		list       = `query($id: ID) { order(id: $id) { id } orders { nodes { status payment { status } } } }`
		history    = `query($id: ID) { order(id: $id) { events { nodes { type actor { kind } } } } }`
		deliveries = `{ webhookDeliveries { nodes { status eventType } } }`
		endpoints  = `{ webhookEndpoints { nodes { eventTypes } } }`
	)
	for _, c := range []struct {
		column, is, document string
		by                   auth.Principal
	}{
		{"orders.status", "CREATED", list, ada},
		{"payments.status", "INITIALIZING", list, ada},
		{"order_events.type", "ORDER_CREATED", history, ada},
		{"order_events.actor_kind", "CUSTOMER", history, ada},
		{"webhook_deliveries.event_type", "ORDER_CREATED", deliveries, staff},
		{"webhook_deliveries.status", "PENDING", deliveries, staff},
		{"webhook_endpoints.event_types", "{ORDER_CREATED}", endpoints, staff},
	} {
		t.Run(c.column, func(t *testing.T) {
			w := w.in(t)
			table, column, _ := strings.Cut(c.column, ".")
			exec(`UPDATE ` + table + ` SET ` + column + ` = '` + c.is + `'`)
			w.do(c.by, c.document, vars{"id": orderID}).ok()
			exec(`UPDATE ` + table + ` SET ` + column + ` = '` + strings.Replace(c.is, strings.Trim(c.is, "{}"), "FROZEN", 1) + `'`)
			a := w.do(c.by, c.document, vars{"id": orderID})
			exec(`UPDATE ` + table + ` SET ` + column + ` = '` + c.is + `'`)
			if len(a.Errors) == 0 {
				t.Fatalf("answered with %v", a.Data)
			}
			for _, e := range a.Errors {
				if e.Extensions["code"] != "UNAVAILABLE" || !strings.Contains(e.Message, "newer version") {
					t.Errorf("%v: %s", e.Extensions, e.Message)
				}
			}
		})
	}
}

// TestNewerBegin: a subscription that this version cannot begin ends as one that it cannot continue, so that the client comes back. After
// an error of the operation it would stop.
func TestNewerBegin(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID := w.order(ada, w.product("mug", 1250, "EUR"), "sim_approve")
	if _, err := w.db.ExecContext(t.Context(), `ALTER TABLE payments DROP CONSTRAINT payments_status_check; UPDATE payments SET status = 'FROZEN'`); err != nil {
		t.Fatal(err)
	}
	s := w.subscribe(ada, watchOrder, vars{"id": orderID}, "")
	if s.reader == nil {
		t.Fatal("it is refused")
	}
	if item, err := s.reader.Next(t.Context()); !errors.Is(err, stream.ErrOutdated) {
		t.Errorf("%+v, %v", item, err)
	}
	w.subscribe(bob, watchOrder, vars{"id": orderID}, "").next().refused("NOT_FOUND")
}
