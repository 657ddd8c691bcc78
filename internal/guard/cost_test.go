package guard_test

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/guard"
)

func TestCost(t *testing.T) {
	t.Parallel()
	g := newGuard()
	const byPage = `query($n: Int, $m: Int = 7) { orders(first: $n) { nodes { id } } products(last: $m) { nodes { id } } }`
	for name, c := range map[string]struct {
		text      string
		variables map[string]any
		want      int
	}{
		"Leaves":          {"{ __typename viewer { id name } }", nil, 1},
		"DefaultPage":     {"{ orders { nodes { id } } }", nil, 20*250 + 21},
		"First":           {"{ orders(first: 3) { nodes { id total { amount } } pageInfo { hasNextPage } } }", nil, 3*250 + 1 + 3*2 + 1},
		"Last":            {"{ orders(last: 3) { edges { cursor node { id } } } }", nil, 3*250 + 1 + 3*2},
		"NullFirst":       {"{ orders(first: null, last: 2) { nodes { id } } }", nil, 2*250 + 3},
		"Both":            {"{ orders(first: 3) { nodes { id } edges { cursor } } }", nil, 3*250 + 7},
		"Negative":        {"{ orders(first: -3) { nodes { id } } }", nil, 250 + 2},
		"Huge":            {"{ orders(first: 2147483647) { nodes { id } } }", nil, 100*250 + 101},
		"Nested":          {"{ orders(first: 10) { nodes { events(first: 5) { nodes { id } } } } }", nil, 10*250 + 1 + 10*(5*18+1+1+5)},
		"List":            {"{ order(id: 1) { lines { product { id } } } }", nil, 2300 + 1 + 100*2 + 100*10},
		"Nodes":           {"{ nodes(ids: [1, 2, 3]) { ... on Order { total { amount } } } }", nil, 3*(250+700) + 3*2},
		"NodesVariable":   {"query($ids: [ID!]!) { nodes(ids: $ids) { id } }", map[string]any{"ids": []any{"a", "b"}}, 2*(250+700) + 2},
		"Variables":       {byPage, map[string]any{"n": json.Number("2"), "m": int64(3)}, 2*250 + 1 + 2 + 3*50 + 1 + 3},
		"VariableNull":    {byPage, map[string]any{"n": nil, "m": 4}, 20*250 + 1 + 20 + 4*50 + 1 + 4},
		"VariableUnset":   {byPage, map[string]any{}, 20*250 + 1 + 20 + 7*50 + 1 + 7},
		"VariableWrong":   {byPage, map[string]any{"n": "x", "m": json.Number("1.5")}, 100*250 + 1 + 100 + 100*50 + 1 + 100},
		"NodesOfProducts": {`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": []any{"product_a", "order_b", "product_c"}}, 250 + 700 + 2*50 + 3},
		"ProductsLiteral": {`{ nodes(ids: ["product_a", "payment_b"]) { id } }`, nil, 250 + 700 + 50 + 2},
		"TooManyProducts": {`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": slices.Repeat([]any{"product_a"}, 101)}, 100*50 + 100},
		"Fragment":        {"{ a: orders(first: 2) { ...C } b: orders(first: 3) { ...C } } fragment C on OrderConnection { nodes { ...O } } fragment O on Order { total { amount } }", nil, 5*250 + 1 + 2*2 + 1 + 3*2},
		"Mutation":        {"mutation { viewerSignOut { signedOutAt } }", nil, 1001},
		"Subscription":    {"subscription { orderFeed { order { id } } }", nil, 250 + 2},
		"Order":           {`{ order(id: "a") { id lines { quantity } } }`, nil, 2300 + 1 + 100},
		"Parts":           {"{ orders(first: 2) { nodes { payment { order { lines { quantity } metadata { key } refunds { id } } } } } }", nil, 2*(250+1000+350+700) + 1 + 2*(1+1+1+100+20+50)},
		"RefundLines":     {"{ orders(first: 2) { nodes { refunds { lines { quantity } } } } }", nil, 2*(250+1000+700) + 1 + 2*(1+50+50*100)},
		"Refunded":        {"{ orders(first: 2) { nodes { lines { refundedQuantity } } } }", nil, 2*(250+1000+700) + 1 + 2*(1+100)},
		"PartsOfOther":    {"{ orders(first: 2) { nodes { id } } node(id: 1) { ... on Order { lines { quantity } } } }", nil, 2*(250+1000) + 1 + 2 + 2300 + 1 + 100},
		"Products":        {"{ orders(first: 40) { nodes { lines { product { id } } } } }", nil, 40*(250+1000) + 1 + 40 + 40*100*2 + 1000*10},
		"Descriptions":    {"{ orders(first: 20) { nodes { lines { product { description } } } } }", nil, 20*(250+1000) + 1 + 20 + 20*100*2 + 1000*35},
		"LatestAttempts":  {"{ orders(first: 3) { nodes { payment { attempts { id } } } } }", nil, 3*(250+2000) + 1 + 3*(1+1+50)},
		"AllAttempts":     {"{ orders(first: 1) { nodes { payments { id } payment { attempts { id } } } } }", nil, 250 + 20*2000 + 1 + 1 + 20 + 1 + 50},
		"NamedAttempts":   {"{ attention(first: 3) { nodes { attempts { id } } } }", nil, 3*(250+2*2000) + 1 + 3*(1+50)},
		"Filter":          {`{ orders(first: 1, filter: {search: "x"}) { nodes { id } } products(first: 1, filter: {search: "x"}) { nodes { id } } }`, nil, 20_000 + 250 + 2 + 13_000 + 50 + 2},
		"NoFilter":        {`{ orders(first: 1, filter: null) { nodes { id } } }`, nil, 250 + 2},
		"MutationOrder":   {`mutation { orderCancel(input: {orderId: "a"}) { order { payment { attempts { id } } } } }`, nil, 1000 + 2300 + 20*2000 + 1 + 1 + 1 + 50},
		"VariesTwice":     {`query($n: Int!) { a: node(id: 1) { ...F } b: node(id: 2) { ...F } } fragment F on Order { events(first: $n) { nodes { id } } }`, map[string]any{"n": int64(50)}, 2 * (2300 + 1 + 50*18 + 1 + 50)},
		"Introspection":   {`{ __schema { types { fields { name } } } __type(name: "Order") { name } }`, nil, 5000 + 2*4000 + 5000},
		"SchemaAgain":     {`{ a: __schema { ...S b: types { name } } } fragment S on __Schema { types { ...T d: description } directives { name } } fragment T on __Type { fields { type { ...K } } ...K } fragment K on __Type { enumValues { name } }`, nil, 5000 + 6*4000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document := accepted(t, g, c.text)
			for range 2 { // counted, and remembered where it cannot change
				if got, err := document.Cost(document.Query.Operations[0], c.variables); got.Requested != c.want || err != nil {
					t.Errorf("cost %d, %v; want %d", got.Requested, err, c.want)
				}
			}
		})
	}
	t.Run("Err", func(t *testing.T) {
		t.Parallel()
		document := accepted(t, g, "{ orders(first: 100) { nodes { events(first: 100) { nodes { id } } } } }")
		cost, err := document.Cost(document.Query.Operations[0], nil)
		checkError(t, err, fault.CostExceeded)
		if want := 100*250 + 1 + 100*(100*18+1+1+100); cost.Requested != want || !strings.Contains(err.Message, strconv.Itoa(want)) {
			t.Errorf("cost %d, %q; want %d", cost.Requested, err.Message, want)
		}
	})
	t.Run("Saturates", func(t *testing.T) {
		t.Parallel()
		inner := "id"
		for range 40 {
			inner = "payment { order { events(first: 100) { nodes { ... on OrderCreated { id } } } lines { product { id } } payments { order { " + inner + " } } } }"
		}
		document := accepted(t, guard.New(guard.Config{Schema: orderwire}), "{ orders(first: 100) { nodes { "+inner+" } } }")
		if cost, err := document.Cost(document.Query.Operations[0], nil); cost.Requested != math.MaxInt || err != nil {
			t.Errorf("cost %v, %v", cost, err)
		}
		// Of objects beside each other, too: 2^70 of them.
		bomb := strings.NewReplacer("viewer { ...f0 }", "...f0", "on Viewer{id}", "on Query{viewer{id}}", "Viewer", "Query").Replace(bomb(70))
		document = accepted(t, guard.New(guard.Config{Schema: orderwire}), bomb)
		if cost, err := document.Cost(document.Query.Operations[0], nil); cost.Requested != math.MaxInt || err != nil {
			t.Errorf("2^70 objects cost %v, %v", cost, err)
		}
	})
}
