//go:build worst

package graph_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/postgres"
)

// worstMutations are all mutations except orderCreate: an input that succeeds, and the state of the target's latest payment that it
// needs.
var worstMutations = []struct {
	name, input, payment string
	by                   auth.Principal
}{
	{"orderCancel", `orderId: $order, note: $text`, "", ada},
	{"orderDeliver", `orderId: $order`, "", staff},
	{"paymentCapture", `paymentId: $payment`, `status = 'AUTHORIZED', capture_method = 'MANUAL'`, staff},
	{"paymentVoid", `paymentId: $payment`, `status = 'AUTHORIZED', capture_method = 'MANUAL'`, staff},
	{"paymentResolve", `paymentId: $payment, resolution: RECHECK, note: $text`, `status = 'PROCESSING', attention = 'UNKNOWN_OUTCOME'`, staff},
	{"paymentsRecheck", `attention: UNKNOWN_OUTCOME`, `status = 'PROCESSING', attention = 'UNKNOWN_OUTCOME'`, staff},
	{"productUpsert", `sku: $key, name: $name, description: $long, priceMinor: "1", currency: "EUR"`, "", staff},
	{"webhookEndpointUpdate", `endpointId: $endpoint, description: $text`, "", staff},
	{"webhookEndpointRotateSecret", `endpointId: $endpoint`, "", staff},
	{"webhookRedeliver", `deliveryId: $delivery`, "", staff},
	{"webhookReplay", `endpointId: $endpoint, from: "2000-01-01T00:00:00Z", to: "2000-01-02T00:00:00Z"`, "", staff},
	{"webhookEndpointCreate", `url: "http://127.0.0.1:9/", description: $text`, "", staff},
	{"productArchive", `productId: $product`, "", staff},
	{"refundCreate", `idempotencyKey: $key, orderId: $order, reason: $text`, "", staff},
	{"paymentCompleteAction", `paymentId: $payment`, `status = 'REQUIRES_ACTION'`, ada},
	{"userRevoke", `customerId: $customer`, "", staff},
	{"viewerSignOut", "", "", bob},
	{"paymentRetry", `idempotencyKey: $key, orderId: $order`, `status = 'DECLINED'`, ada},
}

// worstTargets are the orders, one after the other, that mutations are tried on.
type worstTargets struct {
	w     *world
	rows  []worstTarget
	fixed map[string]any // values of the other variables
	next  int
}

type worstTarget struct {
	Order   id.Order   `db:"order_id"`
	Payment id.Payment `db:"payment_id"`
}

func newWorstTargets(w *world) *worstTargets {
	w.t.Helper()
	targets := &worstTargets{w: w}
	err := w.db.Select(&targets.rows, `SELECT DISTINCT ON (order_id) order_id, id AS payment_id FROM payments
		WHERE order_id IN (SELECT id FROM orders ORDER BY id DESC LIMIT 100) AND status = 'CONFIRMED' ORDER BY order_id`)
	if err != nil {
		w.t.Fatal(err)
	}
	var endpoint id.Endpoint
	var delivery id.Delivery
	if err := w.db.Get(&endpoint, `SELECT id FROM webhook_endpoints LIMIT 1`); err != nil {
		w.t.Fatal(err)
	}
	if err := w.db.Get(&delivery, `SELECT id FROM webhook_deliveries WHERE status = 'DELIVERED' LIMIT 1`); err != nil {
		w.t.Fatal(err)
	}
	var product id.Product
	if err := w.db.Get(&product, `SELECT id FROM products WHERE sku LIKE 'full-%' LIMIT 1`); err != nil {
		w.t.Fatal(err)
	}
	wide := func(n int) string { return strings.Repeat("𝕏", n) }
	targets.fixed = map[string]any{
		"product": product.TypeID(), "customer": ada.CustomerID.TypeID(),
		"text": wide(500), "name": wide(200), "long": wide(2000), "endpoint": endpoint.TypeID(), "delivery": delivery.TypeID(),
	}
	return targets
}

// ready resets the next target, except its log, and sets its latest payment to the state that a mutation needs.
func (s *worstTargets) ready(payment string) map[string]any {
	s.w.t.Helper()
	target := s.rows[s.next%len(s.rows)]
	s.next++
	order := `status = 'CONFIRMED', captured_minor = total_minor`
	if payment == "" {
		payment = `status = 'CONFIRMED', attention = NULL, captured_minor = amount_minor`
	} else {
		order, payment = `status = 'CREATED', captured_minor = 0`, payment+`, captured_minor = 0`
	}
	statements := []string{
		// The rows that an earlier refundCreate or paymentRetry has added.
		`DELETE FROM payment_attempts WHERE order_id = $1 AND refund_id IS NOT NULL`,
		`DELETE FROM refunds WHERE id IN (SELECT id FROM refunds WHERE order_id = $1 ORDER BY id DESC LIMIT greatest(0, (SELECT count(*) - 50 FROM refunds WHERE order_id = $1)))`,
		`DELETE FROM payments WHERE order_id = $1 AND created_at > (SELECT created_at FROM orders WHERE id = $1)`,
		`UPDATE refunds SET status = 'FAILED' WHERE order_id = $1`,
		`UPDATE orders SET ` + order + `, cancel_reason = NULL, cancel_note = NULL, refunded_minor = 0, refund_pending_minor = 0, expires_at = NULL, delivers_at = NULL,
			revision = revision + 1 WHERE id = $1`,
		`UPDATE payments SET refunded_minor = 0, next_step_at = NULL, next_action = NULL, goal = DEFAULT, recheck_at = NULL, ` + payment + ` WHERE order_id = $1 AND id = $2`,
		`UPDATE products SET archived_at = NULL WHERE sku LIKE 'full-%' AND archived_at IS NOT NULL`,
	}
	if strings.Contains(payment, "DECLINED") { // of 20 payments one goes, so that there may be another
		const one = `(SELECT id FROM payments WHERE order_id = $1 AND id <> $2 AND attention IS NULL AND (SELECT count(*) FROM payments WHERE order_id = $1) = 20 LIMIT 1)`
		statements = append(statements, `DELETE FROM payment_attempts WHERE payment_id = `+one, `DELETE FROM payments WHERE id = `+one)
	}
	for _, statement := range statements {
		arguments := []any{target.Order}
		if strings.Contains(statement, "$2") {
			arguments = append(arguments, target.Payment)
		} else if !strings.Contains(statement, "$1") {
			arguments = nil
		}
		if _, err := s.w.db.ExecContext(s.w.t.Context(), statement, arguments...); err != nil {
			s.w.t.Fatalf("%v:\n%s", err, statement)
		}
	}
	values := maps.Clone(s.fixed)
	values["order"], values["payment"], values["key"] = target.Order.TypeID(), target.Payment.TypeID(), uuid.NewString()[:30]
	return values
}

var worstVariables = map[string]string{"order": "ID!", "payment": "ID!", "endpoint": "ID!", "delivery": "ID!", "product": "ID!", "customer": "ID!", "key": "String!", "text": "String!", "name": "String!", "long": "String!"}

// mutation generates a document of a mutation. It is false when it is not admitted.
func (w *worst) mutation(p auth.Principal, name, input string) (admitted, bool) {
	w.generous()
	payload := w.schema.Types[strings.ToUpper(name[:1])+name[1:]+"Payload"]
	var declared []string
	for variable, of := range worstVariables {
		if strings.Contains(input, "$"+variable) {
			declared = append(declared, "$"+variable+": "+of)
		}
	}
	if input == "" { // it has neither an input nor what could be refused
		return w.largest(p, name, "mutation { "+name+" { "+w.selection(payload, 1)+" } }")
	}
	refused, header := "refused: userErrors { code }", ""
	if payload.Fields.ForName("userErrors") == nil {
		refused = ""
	}
	if declared != nil {
		header = "(" + strings.Join(declared, ", ") + ")"
	}
	return w.largest(p, name, fmt.Sprintf("mutation%s { %s(input: {%s}) { %s %s } }", header, name, input, refused, w.selection(payload, 1+w.random.IntN(7))))
}

// item generates a subscription to an order. It is false when it is not admitted.
func (w *worst) item(p auth.Principal, kind, arguments string) (admitted, bool) {
	w.generous()
	return w.largest(p, kind, fmt.Sprintf("subscription { orderEvents(%s) { kind %s } }", arguments, w.selection(w.schema.Types["OrderUpdate"], 1+w.random.IntN(7))))
}

// measureFeed tries selections of an event in a feed.
func (m *meter) measureFeed(documents *worst, each int) {
	targets := newWorstTargets(m.world)
	executor := m.world.executor()
	go func() { _ = m.world.hub.Run(m.t.Context()) }() // ends with the test
	for _, p := range []auth.Principal{ada, staff} {
		cursor := m.world.watch(executor, p, "subscription { orderFeed { cursor } }", nil, "").next().ok().text("orderFeed.cursor")
		ready := targets.ready("")
		m.place(func() {
			m.world.do(staff, `mutation($order: ID!) { orderDeliver(input: {orderId: $order}) { order { id } } }`, vars{"order": ready["order"]}).ok().text("orderDeliver.order.id")
		})
		n := 0
		run := func(a admitted) measurement {
			n++ // see measureItems
			return m.measureBy(p, a, 1, func() []byte {
				watcher := m.world.watch(executor, p, a.text+" #"+strconv.Itoa(n), nil, "")
				defer watcher.cancel()
				_, response := watcher.response()
				raw, err := json.Marshal(response)
				if err != nil {
					m.t.Fatal(err)
				}
				return raw
			})
		}
		m.search("orderFeed, an event", each, func() (admitted, bool) { return documents.feedItem(p, cursor) }, run)
	}
}

// place runs a change and gives its events their positions in the feed, as the sequencer does; the rows of maxima have none.
func (m *meter) place(change func()) {
	m.t.Helper()
	if _, err := m.world.db.ExecContext(m.t.Context(), `UPDATE event_log SET seen = pg_current_snapshot()`); err != nil {
		m.t.Fatal(err)
	}
	change()
	sequencer := postgres.NewSequencer(m.world.db.Worker, "worst", time.Minute)
	if holds, err := sequencer.Acquire(m.t.Context()); err != nil || !holds {
		m.t.Fatal(holds, err)
	}
	assigned, err := sequencer.Assign(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	m.world.hub.Grew(assigned.Position)
	for m.world.hub.Position() < assigned.Position {
		time.Sleep(time.Millisecond) // a pause between attempts
	}
	if err := sequencer.Release(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
}

// measureMutations tries documents of each mutation and measures each, and the worst ones again.
func (m *meter) measureMutations(documents *worst, each int) {
	targets := newWorstTargets(m.world)
	for _, mutation := range worstMutations {
		run := func(a admitted) measurement {
			ready := targets.ready(mutation.payment)
			return m.measureBy(mutation.by, a, 1, func() []byte {
				values := map[string]any{}
				for name := range worstVariables {
					if strings.Contains(a.text, "$"+name) {
						values[name] = ready[name]
					}
				}
				body, err := json.Marshal(map[string]any{"query": a.text, "variables": values})
				if err != nil {
					m.t.Fatal(err)
				}
				return m.world.post(mutation.by, body)
			})
		}
		m.search(mutation.name, each, func() (admitted, bool) { return documents.mutation(mutation.by, mutation.name, mutation.input) }, run)
	}
}

// feedItem generates a subscription to a feed from a cursor on. It is false when it is not admitted.
func (w *worst) feedItem(p auth.Principal, cursor string) (admitted, bool) {
	w.generous()
	return w.largest(p, "orderFeed", fmt.Sprintf("subscription { orderFeed(after: %q) { kind %s } }", cursor, w.selection(w.schema.Types["OrderUpdate"], 1+w.random.IntN(7))))
}

// measureItems tries selections of an order's snapshot, and of an event that is read from the log with the state that it left.
func (m *meter) measureItems(documents *worst, each int) {
	targets := newWorstTargets(m.world)
	ready := targets.ready("")
	order := `orderId: "` + ready["order"].(string) + `"`
	executor := m.world.executor()
	snapshot := m.world.watch(executor, ada, "subscription { orderEvents("+order+") { cursor } }", nil, "").next().ok().text("orderEvents.cursor")
	m.world.do(staff, `mutation($order: ID!) { orderDeliver(input: {orderId: $order}) { order { id } } }`, vars{"order": ready["order"]}).ok().text("orderDeliver.order.id")
	n := 0
	for kind, arguments := range map[string]string{"orderEvents, the snapshot": order, "orderEvents, an event": order + `, after: "` + snapshot + `"`} {
		for _, p := range []auth.Principal{ada, staff} {
			run := func(a admitted) measurement {
				n++ // a document of its own each time: an answer is kept for those who get the same
				return m.measureBy(p, a, 1, func() []byte {
					watcher := m.world.watch(executor, p, a.text+" #"+strconv.Itoa(n), nil, "")
					defer watcher.cancel()
					_, response := watcher.response()
					raw, err := json.Marshal(response)
					if err != nil {
						m.t.Fatal(err)
					}
					return raw
				})
			}
			m.search(kind, each, func() (admitted, bool) { return documents.item(p, kind, arguments) }, run)
		}
	}
}

// search measures so many documents once, and of each kind the worst five times.
func (m *meter) search(kind string, each int, generate func() (admitted, bool), run func(admitted) measurement) {
	m.t.Helper()
	var all []measurement
	for tries := 0; len(all) < each && tries < 100*each; tries++ {
		if a, ok := generate(); ok {
			all = append(all, run(a))
		}
	}
	m.report(kind, all, func(worst measurement) measurement {
		sum := run(worst.admitted) // not counted
		sum.server, sum.database = 0, 0
		for range 5 {
			again := run(worst.admitted)
			sum.server, sum.database = sum.server+again.server/5, sum.database+again.database/5
			sum.bytes, sum.peak, sum.code = max(sum.bytes, again.bytes), max(sum.peak, again.peak), again.code
		}
		return sum
	})
}
