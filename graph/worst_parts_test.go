package graph_test

// worstParts are documents that each add one part to read, for a page of $n. The additional cost of each item is the part's entry
// in the tables of internal/guard/sizes.go.
var worstParts = []struct {
	kind, text string
	n          int
}{
	{"orders", `query($n: Int!) { orders(first: $n) { nodes { id } } }`, 50},
	{"orders, payment", `query($n: Int!) { orders(first: $n) { nodes { id payment { id } } } }`, 50},
	{"orders, payments", `query($n: Int!) { orders(first: $n) { nodes { id payments { id } } } }`, 50},
	{"orders, lines", `query($n: Int!) { orders(first: $n) { nodes { id lines { quantity } } } }`, 50},
	{"orders, products of lines", `query($n: Int!) { orders(first: $n) { nodes { id lines { product { id } } } } }`, 50},
	{"orders, metadata", `query($n: Int!) { orders(first: $n) { nodes { id metadata { __typename } } } }`, 50},
	{"orders, refunds", `query($n: Int!) { orders(first: $n) { nodes { id refunds { id } } } }`, 50},
	{"orders, events", `query($n: Int!) { orders(first: $n) { nodes { id events(first: 20) { nodes { id } } } } }`, 50},
	{"orders, attempts", `query($n: Int!) { orders(first: $n) { nodes { id payment { attempts { id } } } } }`, 40},
	{"orders by status", `query($n: Int!) { orders(first: $n, filter: {status: [CANCELLED]}) { nodes { id } } }`, 50},
	{"orders by payment", `query($n: Int!) { orders(first: $n, filter: {paymentStatus: [EXPIRED]}) { nodes { id } } }`, 50},
	{"orders by time", `query($n: Int!) { orders(first: $n, filter: {createdAt: {from: "2020-01-01T00:00:00Z"}}) { nodes { id } } }`, 50},
	{"orders by text", `query($n: Int!) { orders(first: $n, filter: {search: "nothing"}) { nodes { id } } }`, 50},
	{"orders by the longest text", `query($n: Int!) { orders(first: $n, filter: {search: "𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀"}) { nodes { id } } }`, 50},
	{"orders by wildcards", `query($n: Int!) { orders(first: $n, filter: {search: "%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_%_"}) { nodes { id } } }`, 50},
	{"orders by all", `query($n: Int!) { orders(first: $n, filter: {status: [CONFIRMED], paymentStatus: [EXPIRED], search: "9"}) { nodes { id } } }`, 50},
	{"order", `query($n: Int!) { order(id: $ORDER) { id events(first: $n) { nodes { id } } } }`, 1},
	{"order, number", `query($n: Int!) { order(number: "OW-AAAA") { id events(first: $n) { nodes { id } } } }`, 1},
	{"order, attempts", `query($n: Int!) { order(id: $ORDER) { payments { attempts { id } } events(first: $n) { nodes { id } } } }`, 1},
	{"order, events", `query($n: Int!) { order(id: $ORDER) { id events(first: $n) { nodes { id } } } }`, 100},
	{"payment", `query($n: Int!) { payment(id: $PAYMENT) { order { events(first: $n) { nodes { id } } } } }`, 1},
	{"attention", `query($n: Int!) { attention(first: $n) { nodes { id } } }`, 50},
	{"reconciliation", `query($n: Int!) { reconciliation(first: $n) { nodes { expected { amount } } } }`, 50},
	{"reconciliation, payment", `query($n: Int!) { reconciliation(first: $n) { nodes { payment { id } } } }`, 50},
	{"orphanedCharges", `query($n: Int!) { orphanedCharges(first: $n) { nodes { reference amount { amount } } } }`, 100},
	{"orphanedCharges, settled too", `query($n: Int!) { orphanedCharges(first: $n, includeResolved: true) { nodes { reference amount { amount } } } }`, 100},
	{"products", `query($n: Int!) { products(first: $n) { nodes { id } } }`, 100},
	{"products by text", `query($n: Int!) { products(first: $n, filter: {search: "nothing"}) { nodes { id } } }`, 100},
	{"products by the longest text", `query($n: Int!) { products(first: $n, filter: {search: "𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀𐐀"}) { nodes { id } } }`, 100},
	{"auditTrail", `query($n: Int!) { auditTrail(first: $n) { nodes { id } } }`, 100},
	{"webhookEndpoints", `query($n: Int!) { webhookEndpoints(first: $n) { nodes { id } } }`, 100},
	{"webhookDeliveries", `query($n: Int!) { webhookDeliveries(first: $n) { nodes { id endpoint { id } } } }`, 100},
	{"nodes, orders", `query($n: Int!) { nodes(ids: $ORDERS) { id } products(first: $n) { nodes { id } } }`, 1},
	{"nodes, payments", `query($n: Int!) { nodes(ids: $PAYMENTS) { id } products(first: $n) { nodes { id } } }`, 1},
	{"nodes, refunds", `query($n: Int!) { nodes(ids: $REFUNDS) { id } products(first: $n) { nodes { id } } }`, 1},
	{"stats, kept for a moment", `query($n: Int!) { stats(window: LAST_DAY) { inFlight } products(first: $n) { nodes { id } } }`, 1},
	{"objects", `query($n: Int!) { order(id: $ORDER) { payments { __typename order { payments { __typename order { payments { __typename amount { __typename } } } } } } events(first: $n) { nodes { id } } } }`, 1},
}
