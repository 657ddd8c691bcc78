package graph_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// TestCostIsAnUpperBound selects as much as possible of every type, as each person, in queries, mutations and the items of
// subscriptions, on orders at their maxima. Neither the rendered objects and bytes nor the rows read may exceed the counted cost.
// Random choices are the same in each run.
func TestCostIsAnUpperBound(t *testing.T) {
	t.Parallel()

	b := newBounded(t)

	b.tightLists()
	for _, name := range slices.Sorted(maps.Keys(b.routes)) {
		rounds := 2
		if strings.HasPrefix(b.routes[name]("x"), "subscription") {
			rounds = 20
		}
		for range rounds {
			b.documents.generous()
			for _, selection := range []string{b.documents.selection(b.schema.Types[name], 1+b.documents.random.IntN(4)), b.randomSelection(b.documents.random, b.schema.Types[name], 2)} {
				for _, p := range b.people {
					b.compare(p, b.routes[name](selection), nil)
				}
			}
		}
	}

	for _, field := range b.schema.Query.Fields {
		for i := range 8 {
			p := b.people[i%len(b.people)]
			if document, ok := b.documents.query(p, field, 1+i%2*4); ok {
				b.compare(p, document.text, document.variables)
			}
		}
	}
	t.Logf("%v answers were compared; the fullest had %.0f %% of its bytes, %.0f %% of its cost in objects and %.0f %% in rows",
		b.compared, 100*b.fullest.bytes, 100*b.fullest.objects, 100*b.fullest.rows)
	if b.compared[ast.Query] < 300 || b.compared[ast.Mutation] < 100 || b.compared[ast.Subscription] < 20 {
		t.Errorf("only %v answers were compared", b.compared)
	}
}

// bounded compares answers with their costs.
type bounded struct {
	*fixture
	documents *worst
	guard     *guard.Guard
	routes    map[string]func(string) string
	compared  map[ast.Operation]int
	fullest   struct{ bytes, objects, rows float64 }
}

// mostCompared bytes of an answer: a few levels of lists are gigabytes, which no cost below MaxInt forbids here.
const mostCompared = 2 << 20

func newBounded(t *testing.T) *bounded {
	t.Helper()
	f := newFixture(t)
	f.fillMaxima()
	maxima{orders: 60, full: 60, attempted: 5, products: 200, audited: 100}.fill(t, f.db.URL, ada.CustomerID)
	one := postgrestest.Pool(t, f.db.URL, postgres.RoleAPI)
	one.SetMaxOpenConns(1) // which can be told to say at once how many rows it has read
	f.wire(one)
	settings := f.settings()
	settings.AnswerBytes = mostCompared
	f.handler = f.serve(settings)
	b := &bounded{fixture: f, documents: newWorst(t, f.db.DB), routes: f.routes(), compared: map[ast.Operation]int{}}
	b.guard = guard.New(guard.Config{Schema: f.schema})
	return b
}

// compare runs a document, or gets one item of it, and compares.
func (b *bounded) compare(p auth.Principal, text string, variables map[string]any) {
	b.t.Helper()
	document, errs := b.guard.Document(text)
	if errs != nil {
		return // two fields of one name that cannot be one
	}
	operation := document.Query.Operations[0]
	cost, refused := document.Cost(operation, variables)
	if refused != nil {
		b.t.Fatal(refused)
	}
	before := b.rowsRead()
	data := b.data(p, operation.Operation, text, variables)
	rows := b.rowsRead() - before
	if len(data) == 0 || string(data) == "null" {
		return
	}
	var decoded any
	if err := json.Unmarshal(data, &decoded); err != nil {
		b.t.Fatal(err)
	}
	objects := objectsIn(decoded) - 1
	if objects > cost.Requested || len(data) > cost.Bytes {
		b.t.Errorf("%d objects and %d bytes were counted as %+v:\n%s", objects, len(data), cost, text)
	}
	// A mutation reads to decide, too, and a subscription reads for all who watch.
	if operation.Operation == ast.Query && rows > cost.Requested+fewRows {
		b.t.Errorf("%d rows were counted as %+v:\n%s", rows, cost, text)
	}
	b.compared[operation.Operation]++
	b.fullest.bytes = max(b.fullest.bytes, float64(len(data))/float64(cost.Bytes))
	b.fullest.objects = max(b.fullest.objects, float64(objects)/float64(cost.Requested+1))
	if operation.Operation == ast.Query {
		b.fullest.rows = max(b.fullest.rows, float64(rows)/float64(cost.Requested+fewRows))
	}
}

// fewRows may be read by fields that cost nothing, such as a product by its id, and by the statistics themselves.
const fewRows = 50

// data returns the data of the answer, or of a subscription's first item.
func (b *bounded) data(p auth.Principal, operation ast.Operation, text string, variables map[string]any) json.RawMessage {
	b.t.Helper()
	if operation == ast.Subscription {
		w := b.subscribe(p, text, variables, "")
		defer w.cancel()
		_, response := w.response()
		return response.Data
	}
	body, err := json.Marshal(map[string]any{"query": text, "variables": variables})
	if err != nil {
		b.t.Fatal(err)
	}
	var answered struct{ Data json.RawMessage }
	if err := json.Unmarshal(b.post(p, body), &answered); err != nil {
		b.t.Fatal(err)
	}
	return answered.Data
}

// rowsRead returns the number of rows that the API's connection has read so far.
func (b *bounded) rowsRead() int {
	b.t.Helper()
	if _, err := b.api.ExecContext(b.t.Context(), `SELECT pg_stat_force_next_flush()`); err != nil {
		b.t.Fatal(err)
	}
	var n int
	err := b.api.GetContext(b.t.Context(), &n, `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables
		WHERE relname IN ('orders', 'payments', 'refunds', 'payment_attempts', 'products', 'order_events_default', 'audit_entries', 'webhook_endpoints', 'webhook_deliveries')`)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// tightLists selects only __typename of each list of an order and of its payment. Its bytes are known exactly, so the counted bytes
// have no margin.
func (f *fixture) tightLists() {
	f.t.Helper()
	for _, list := range []string{"lines", "payments", "refunds", "metadata", "payment { attempts"} {
		document := f.names.Replace("{ order(id: $whole$) { " + list + " { __typename } } }")
		if strings.Contains(list, "{") {
			document += " }"
		}
		got := f.do(staff, document, nil, graph.CostHeader, "1").ok()
		raw, err := json.Marshal(got.Data)
		if err != nil {
			f.t.Fatal(err)
		}
		if bytes := got.Extensions["cost"].(map[string]any)["bytes"].(float64); float64(len(raw)) > bytes || float64(len(raw)) < 0.9*bytes {
			f.t.Errorf("%s: %d bytes were counted as %v", list, len(raw), bytes)
		}
	}
}

// fillMaxima gives the fixture's whole order all the lines, metadata, payments, refunds and attempts that one can have, with texts
// at full length.
func (f *fixture) fillMaxima() {
	f.t.Helper()
	wide := func(n int) string { return strings.Repeat("𝕏", n) }
	for _, statement := range []struct {
		text string
		args []any
	}{
		{`UPDATE products SET name = $1, description = $2`, []any{wide(200), wide(2000)}},
		{`UPDATE orders o SET note = $1, lines = (SELECT jsonb_agg(jsonb_set(o.lines->0, '{name}', to_jsonb($2::text)) || jsonb_build_object('quantity', 999 + i * 0)) FROM generate_series(1, 100) i),
			metadata = (SELECT jsonb_agg(jsonb_build_object('key', $3::text, 'value', $1::text)) FROM generate_series(1, 20))`, []any{wide(500), wide(200), wide(40)}},
		{`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, provider_reference, capture_method, method, decline_code, created_at, updated_at)
			SELECT gen_random_uuid(), o.id, o.customer_id, 'DECLINED', 1, o.currency, 'simulated', repeat('r', 255), 'AUTOMATIC', 'x', repeat('d', 100), now(), now()
			FROM orders o, generate_series(1, 25)`, nil},
		{`INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, reason, created_at, updated_at)
			SELECT gen_random_uuid(), p.order_id, p.customer_id, p.id, 1, p.currency, 'FAILED', $1, now(), now()
			FROM (SELECT DISTINCT ON (order_id) * FROM payments ORDER BY order_id, id) p, generate_series(1, 60)`, []any{wide(500)}},
		{`INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, operation, outcome, calls, message, started_at, finished_at)
			SELECT gen_random_uuid(), p.order_id, p.customer_id, p.id, 'VOID', 'FAIL', 8, repeat('m', 500), now(), now() FROM payments p, generate_series(1, 60)`, nil},
	} {
		if _, err := f.db.ExecContext(f.t.Context(), statement.text, statement.args...); err != nil {
			f.t.Fatal(err)
		}
	}
}

// objectsIn counts the objects in decoded JSON.
func objectsIn(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		n = 1
		for _, value := range v {
			n += objectsIn(value)
		}
	case []any:
		for _, value := range v {
			n += objectsIn(value)
		}
	}
	return n
}
