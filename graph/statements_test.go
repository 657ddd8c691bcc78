package graph_test

import (
	"fmt"
	"testing"

	"github.com/orderwire/orderwire/graph"
)

const everything = `query($first: Int!, $events: Int!) { orders(first: $first) { nodes {
	id
	lines { product { sku } }
	payment { id order { id number } }
	payments { order { version } attempts { id operation outcome calls } }
	refunds { order { id } payment { id order { id } } amount { amount } }
	events(first: $events) { nodes { id } pageInfo { hasNextPage } }
	history: events { nodes { version } }
} edges { node { lines { product { name } } events(first: 1) { nodes { id } } } } } }`

// TestStatements holds the number of SQL statements of a request against the length of its answer: it must not matter.
func TestStatements(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.handler = w.serve(graph.Settings{}) // what everything costs at its maxima is no matter here
	var products []string
	for i := range 7 {
		products = append(products, w.product(fmt.Sprintf("sku-%d", i), int64(100+i), "EUR"))
	}
	for i := range 50 {
		token := "sim_approve"
		if i%3 == 0 {
			token = "sim_decline"
		}
		orderID := w.order(ada, products[i%len(products)], token)
		w.walk(orderID)
		if i%3 == 1 {
			w.do(ada, cancel, vars{"input": vars{"orderId": orderID}}).ok()
			w.walk(orderID)
		}
	}
	var few, many *answer
	atFew := w.counter.during(func() { few = w.do(staff, everything, vars{"first": 2, "events": 3}).ok() })
	atMany := w.counter.during(func() { many = w.do(staff, everything, vars{"first": 50, "events": 3}).ok() })
	if atFew != atMany {
		t.Errorf("2 orders took %d statements, 50 took %d", atFew, atMany)
	}
	// The list, the products, the attempts, and the events in three sizes.
	if atMany != 6 {
		t.Errorf("the list took %d statements, want 6", atMany)
	}
	few.want("orders.nodes.1.history.nodes.0.version", 1)

	nodes := many.at("orders.nodes").([]any)
	if len(nodes) != 50 {
		t.Fatalf("%d orders", len(nodes))
	}
	for i := range nodes {
		place := fmt.Sprintf("orders.nodes.%d.", i)
		// Newest first: node i is order 49-i.
		many.want(place+"lines.0.product.sku", fmt.Sprintf("sku-%d", (49-i)%7))
		many.want(place+"payment.order.id", many.at(place+"id"))
		many.want(place+"payments.0.attempts.0.operation", "AUTHORIZE")
		many.want(place+"history.nodes.1.version", 2)
		if (49-i)%3 == 1 {
			many.want(place+"refunds.0.payment.id", many.at(place+"payment.id"))
			many.want(place+"refunds.0.order.id", many.at(place+"id"))
			many.want(place+"payments.0.attempts.1.operation", "REFUND")
			many.want(place+"events.pageInfo.hasNextPage", true)
		}
	}
}

func TestNodesTakeOneStatementAKind(t *testing.T) {
	t.Parallel()
	w := setup(t)
	product := w.product("a", 100, "EUR")
	const query = `query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Order { payment { order { id } } } ... on Payment { order { number } } } }`
	var ids []string
	for range 20 {
		orderID := w.order(ada, product, "sim_approve")
		ids = append(ids, orderID, w.do(ada, `query($id: ID!) { order(id: $id) { payment { id } } }`, vars{"id": orderID}).ok().text("order.payment.id"), product)
	}
	var got *answer
	if n := w.counter.during(func() { got = w.do(ada, query, vars{"ids": ids}).ok() }); n != 3 {
		t.Errorf("%d statements, want 3", n)
	}
	for i, id := range ids {
		got.want(fmt.Sprintf("nodes.%d.id", i), id)
	}
}
