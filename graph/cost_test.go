package graph_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
)

// TestCostIsAnUpperBound asks for random selections of every type that queries reach, on orders that have what an order can have of
// a kind, and compares what was counted before with what was rendered: neither objects nor bytes may be more.
func TestCostIsAnUpperBound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	settings := f.settings()
	settings.AnswerBytes = 1 << 20 // or a few levels of lists are gigabytes
	f.handler = f.serve(settings)
	f.fillMaxima()
	routes := f.routes()
	f.tightLists()
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // any will do
	compared, fullest := 0, 0.0
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		if !strings.HasPrefix(routes[name]("x"), "query") {
			continue
		}
		for range 5 {
			document := routes[name](f.randomSelection(random, f.schema.Types[name], 2+random.IntN(2)))
			for _, p := range []auth.Principal{ada, staff} {
				got := f.do(p, document, nil, graph.CostHeader, "1")
				cost, counted := got.Extensions["cost"].(map[string]any)
				if len(got.Errors) > 0 || !counted {
					continue // ANSWER_TOO_LARGE for the most part
				}
				raw, err := json.Marshal(got.Data) // as long as what was sent, but for the order of keys
				if err != nil {
					t.Fatal(err)
				}
				objects, most, bytes := objectsIn(got.Data)-1, cost["requested"].(float64), cost["bytes"].(float64)
				if float64(objects) > most || float64(len(raw)) > bytes {
					t.Errorf("%d objects and %d bytes were counted as %v:\n%s", objects, len(raw), cost, document)
				}
				compared++
				fullest = max(fullest, float64(len(raw))/bytes)
			}
		}
	}
	t.Logf("%d answers were compared; the fullest had %.0f %% of its bytes", compared, 100*fullest)
	if compared < 100 {
		t.Errorf("only %d answers were compared", compared)
	}
}

// tightLists asks for each list of an order, and of its payment, with nothing beside it, where what is counted has no room: the bytes
// of __typename are known exactly.
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
