package graph_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/webhook"
	"github.com/orderwire/orderwire/schema"
)

// fixture is a shop in which something of everything has happened, all of it with orders of ada.
type fixture struct {
	*world
	schema *ast.Schema
	people [4]auth.Principal
	// arguments of fields that need some.
	arguments map[string]string
	// names are the ids that documents name as $name.
	names *strings.Replacer
}

func newFixture(t *testing.T) *fixture {
	w := setup(t)
	f := &fixture{world: w, schema: gqlparser.MustLoadSchema(&ast.Source{Input: schema.SDL()}), people: [4]auth.Principal{anonymous, ada, bob, staff}}
	names := map[string]string{}
	add := func(name, token string, capture ...string) {
		names["order"+name], names["payment"+name] = w.paid(token, capture...)
	}
	names["product"] = w.product("product", 1250, "EUR")
	w.do(staff, upsert, vars{"input": vars{"sku": "product", "name": "Mug", "priceMinor": "1250", "currency": "EUR", "image": "/mug.png"}}).ok()
	names["old"] = w.product("old", 1250, "EUR")
	names["whole"] = w.do(ada, create, vars{"input": vars{
		"idempotencyKey": "whole", "paymentMethod": vars{"token": "sim_approve"}, "note": "Ring twice.", "externalReference": "A1",
		"metadata": []any{vars{"key": "k", "value": "v"}}, "items": []any{vars{"productId": names["product"], "quantity": 2}},
	}}).ok().text("orderCreate.order.id")
	names["cursor"] = w.subscribe(ada, watchOrder, vars{"id": names["whole"]}, "").next().ok().text("orderEvents.cursor")
	w.walk(names["whole"])
	whole := w.do(ada, one, vars{"id": names["whole"]}).ok()
	names["number"], names["payment"] = whole.text("order.number"), whole.text("order.payment.id")
	names["refund"] = w.do(staff, `mutation($input: RefundCreateInput!) { refundCreate(input: $input) { refund { id } } }`,
		vars{"input": vars{"idempotencyKey": "matrix", "orderId": names["whole"], "lines": []any{vars{"position": 1, "quantity": 1}}, "reason": "Broken."}}).ok().text("refundCreate.refund.id")
	w.walk(names["whole"])
	w.setAttention(names["payment"], "MISMATCH")
	names["dispute"] = w.dispute(names["whole"], names["payment"])
	w.differs(names["whole"], names["payment"], 100, true)
	w.orphan("ch_lost", false)
	add("Declined", "sim_decline")
	add("Action", "sim_requires_action")
	add("Hold", "sim_approve", "MANUAL")
	add("Captured", "sim_approve", "MANUAL")
	w.ask(staff, "paymentCapture", names["paymentCaptured"]).ok()
	w.walk(names["orderCaptured"])
	add("Voided", "sim_approve", "MANUAL")
	w.ask(staff, "paymentVoid", names["paymentVoided"]).ok()
	w.walk(names["orderVoided"])
	add("Cancelled", "sim_approve")
	w.do(ada, cancel, vars{"input": vars{"orderId": names["orderCancelled"]}}).ok()
	w.walk(names["orderCancelled"])
	add("Delivered", "sim_approve")
	w.do(staff, deliver, vars{"input": vars{"orderId": names["orderDelivered"]}}).ok()
	f.webhooks(names)
	f.rareEvents(names["whole"])
	names["customer"] = ada.CustomerID.TypeID()
	for name, kind := range map[string]id.Kind{
		"noOrder": id.OrderKind, "noPayment": id.PaymentKind, "noProduct": id.ProductKind, "noEndpoint": id.EndpointKind, "noDelivery": id.DeliveryKind, "noCustomer": id.CustomerKind,
	} {
		names[name] = id.Format(kind, uuid.Max)
	}
	var pairs []string
	for name, value := range names {
		pairs = append(pairs, "$"+name+"$", `"`+value+`"`)
	}
	f.names = strings.NewReplacer(pairs...)
	return f
}

// rareEvents gives an order events of the types that it has not lived through.
func (f *fixture) rareEvents(orderID string) {
	f.t.Helper()
	key, err := id.Parse[id.Order](orderID)
	if err != nil {
		f.t.Fatal(err)
	}
	for i, kind := range f.schema.Types["OrderEventType"].EnumValues {
		_, err := f.db.ExecContext(f.t.Context(), `
			INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, actor_id, request_id, occurred_at, data, state, log_epoch)
			SELECT order_id, 50 + $2::int, $3, $4, customer_id, actor_kind, actor_id, request_id, occurred_at,
				data || '{"attention": "MISMATCH", "reason": "closed", "declineCode": "stolen", "cancelReason": "STAFF", "disputeId": "00000000-0000-7000-8000-000000000001"}', state, log_epoch
			FROM order_events e WHERE order_id = $1 AND type = 'REFUND_CREATED'
			AND NOT EXISTS (SELECT FROM order_events WHERE order_id = $1 AND type = $4)`, key, i, id.New[uuid.UUID](), kind.Name)
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// webhooks makes an endpoint, and a delivery that was tried.
func (f *fixture) webhooks(names map[string]string) {
	f.t.Helper()
	input := vars{"url": "http://127.0.0.1:9/a", "description": "ERP", "eventTypes": []string{"ORDER_CREATED"}}
	names["endpoint"] = f.do(staff, endpointCreate, vars{"input": input}).ok().text("webhookEndpointCreate.endpoint.id")
	endpointID, err := id.Parse[id.Endpoint](names["endpoint"])
	if err != nil {
		f.t.Fatal(err)
	}
	names["deleted"] = f.do(staff, endpointCreate, vars{"input": vars{"url": "http://127.0.0.1:9/deleted"}}).ok().text("webhookEndpointCreate.endpoint.id")
	f.do(staff, `mutation($id: ID!) { webhookReplay(input: {endpointId: $id, from: "2020-01-01T00:00:00Z"}) { replay { total } } }`, vars{"id": names["endpoint"]}).ok()
	deliveryID := id.New[id.Delivery]()
	_, err = postgres.NewWebhooks(f.db.Worker).AddDeliveries(f.t.Context(), webhook.Batch{To: 1, Deliveries: []webhook.NewDelivery{{
		ID: deliveryID, EndpointID: endpointID, EventID: id.New[id.Event](), EventType: order.OrderCreated, Body: []byte("{}"), CreatedAt: order.SystemClock(),
	}}})
	if err != nil {
		f.t.Fatal(err)
	}
	names["delivery"] = deliveryID.TypeID()
}

// settings have no limits, since some documents go every way at once.
func (*fixture) settings() graph.Settings { return graph.Settings{DocumentCacheBytes: 1 << 20} }

// selection is a field as "probe", with its arguments and something below it.
func (f *fixture) selection(object string, field *ast.FieldDefinition) string {
	call, callable := f.call(object, field)
	if !callable {
		f.t.Errorf("%s.%s needs arguments: give them in the fixture", object, field.Name)
	}
	if f.schema.Types[field.Type.Name()].IsLeafType() {
		return "probe: " + call
	}
	return "probe: " + call + " { __typename }"
}

// mutations have, for each, an input that succeeds as often as it is sent, or does so once, and one that is refused.
var mutations = map[string][2]string{
	"orderCreate":                 {`idempotencyKey: "m", items: [{productId: $product$, quantity: 1}]`, `idempotencyKey: "n", items: [{productId: $noProduct$, quantity: 0}]`},
	"orderCancel":                 {`orderId: $orderCancelled$`, `orderId: $orderDelivered$, note: "4242424242424242"`},
	"orderDeliver":                {`orderId: $orderDelivered$`, `orderId: $orderDeclined$`},
	"paymentRetry":                {`idempotencyKey: "m", orderId: $orderDeclined$`, `idempotencyKey: "n", orderId: $orderDelivered$`},
	"paymentCompleteAction":       {`paymentId: $paymentAction$`, `paymentId: $paymentVoided$, outcome: APPROVE`},
	"paymentCapture":              {`paymentId: $paymentCaptured$`, `paymentId: $paymentVoided$`},
	"paymentVoid":                 {`paymentId: $paymentVoided$`, `paymentId: $paymentCaptured$`},
	"paymentResolve":              {`paymentId: $payment$, resolution: RECHECK, note: ""`, `paymentId: $payment$, resolution: MARK_CAPTURED, note: ""`},
	"refundCreate":                {`idempotencyKey: "matrix", orderId: $whole$, lines: [{position: 1, quantity: 1}], reason: "Broken."`, `idempotencyKey: "n", orderId: $orderDeclined$`},
	"productUpsert":               {`sku: "product", name: "Mug", priceMinor: "1250", currency: "EUR"`, `sku: "", name: "", priceMinor: "-1", currency: "EUR"`},
	"productArchive":              {`productId: $old$`, `productId: $noProduct$`},
	"webhookEndpointCreate":       {`url: "http://127.0.0.1:9/b"`, `url: "nonsense"`},
	"webhookEndpointUpdate":       {`endpointId: $endpoint$, enabled: true`, `endpointId: $endpoint$, url: "nonsense"`},
	"webhookEndpointRotateSecret": {`endpointId: $endpoint$`, `endpointId: $noEndpoint$`},
	"webhookEndpointDelete":       {`endpointId: $deleted$`, `endpointId: $noEndpoint$`},
	"webhookEndpointTest":         {`endpointId: $endpoint$`, `endpointId: $noEndpoint$`},
	"webhookReplay":               {`endpointId: $endpoint$, from: "2020-01-01T00:00:00Z"`, `endpointId: $endpoint$`},
	"webhookRedeliver":            {`deliveryId: $delivery$`, `deliveryId: $noDelivery$`},
	"userRevoke":                  {`customerId: $customer$`, `customerId: $noCustomer$`},
}

// routes are documents that select something of a type. The types that matter most are selected by every way there is, others by the
// shortest. They set the fields' arguments, too.
func (f *fixture) routes() map[string]func(selection string) string {
	f.arguments = map[string]string{
		"Query.node": `id: $whole$`, "Query.nodes": `ids: [$whole$]`, "Query.product": `id: $product$`, "Query.order": `id: $whole$`,
		"Mutation.paymentsRecheck": `input: {}`,
		"Query.payment":            `id: $payment$`, "Query.stats": `window: LAST_DAY`,
		"Subscription.orderEvents": `orderId: $whole$`,
	}
	routes := map[string]func(string) string{}
	way := func(typeName, document string) {
		routes[typeName] = func(selection string) string {
			return f.names.Replace(strings.ReplaceAll(document, "X", selection))
		}
	}
	const (
		orders = `query { a: order(id: $whole$) { Y } b: order(number: $number$) { Y } c: orders(first: 50) { nodes { Y } }
			d: node(id: $whole$) { ... on Order { Y } } e: nodes(ids: [$orderCancelled$]) { ... on Order { Y } }
			f: payment(id: $payment$) { order { Y } } g: node(id: $refund$) { ... on Refund { order { Y } } } }`
		payments = `query { a: payment(id: $payment$) { Y } b: node(id: $paymentDeclined$) { ... on Payment { Y } }
			c: orders(first: 50) { nodes { payment { Y } payments { Y } } } d: node(id: $refund$) { ... on Refund { payment { Y } } } }`
	)
	history := `query { a: order(id: $whole$) { Y } b: node(id: $whole$) { ... on Order { Y } } c: orders(first: 1) { nodes { Y } } }`
	in := func(document, inner string) string { return strings.ReplaceAll(document, "Y", inner) }
	way("PageInfo", "query { products { pageInfo { X } } }")
	way("Money", "query { products { nodes { price { X } } } }")
	way("Product", `query { product(id: $product$) { X } products { nodes { X } edges { node { X } } } }`)
	way("Order", in(orders, "X"))
	way("OrderLine", in(orders, "lines { X }"))
	way("MetadataEntry", in(orders, "metadata { X }"))
	way("OrderEventConnection", in(orders, "events { X }"))
	way("OrderEventEdge", in(orders, "events { edges { X } }"))
	way("Actor", in(history, "events(first: 100) { nodes { actor { X } } }"))
	for _, kind := range f.schema.PossibleTypes["OrderEvent"] {
		way(kind.Name, in(history, "events(first: 100) { nodes { ... on "+kind.Name+" { X } } }"))
	}
	way("Payment", in(payments, "X"))
	way("PaymentAttempt", in(payments, "attempts { X }"))
	way("PaymentNextAction", in(payments, "nextAction { X }"))
	way("Refund", `query { a: node(id: $refund$) { ... on Refund { X } } b: orders(first: 50) { nodes { refunds { X } } } }`)
	way("Dispute", `query { a: node(id: $dispute$) { ... on Dispute { X } } b: orders(first: 50) { nodes { disputes { X } } } }`)
	way("RefundLine", in(orders, "refunds { lines { X } }"))
	way("WebhookEndpoint", `query { a: webhookEndpoints { nodes { X } } b: node(id: $endpoint$) { ... on WebhookEndpoint { X } } }`)
	way("WebhookReplay", `query { webhookEndpoints { nodes { replay { X } } } }`)
	way("WebhookDelivery", `query { a: webhookDeliveries { nodes { X } } b: node(id: $delivery$) { ... on WebhookDelivery { X } } }`)
	way("OrderUpdate", `subscription { orderEvents(orderId: $whole$, after: $cursor$) { X } }`)
	for name, inputs := range mutations {
		f.arguments["Mutation."+name] = "input: {" + inputs[0] + "}"
		typeName := strings.ToUpper(name[:1]) + name[1:]
		way(typeName+"Payload", "mutation { "+name+"(input: {"+inputs[0]+"}) { X } }")
		way(typeName+"UserError", "mutation { "+name+"(input: {"+inputs[1]+"}) { userErrors { X } } }")
	}
	way("Mutation", "mutation { X }")
	way("ViewerSignOutPayload", "mutation { viewerSignOut { X } }")
	way("PaymentsRecheckPayload", "mutation { paymentsRecheck(input: {}) { X } }")
	for name, document := range f.shortestWays() {
		if routes[name] == nil {
			way(name, document)
		}
	}
	return routes
}

// shortestWays has, for each object type, a document that selects X of it by as few fields as there can be, none of which needs an argument
// that f.arguments lacks.
func (f *fixture) shortestWays() map[string]string {
	type position struct{ typeName, document string }
	ways := map[string]string{}
	next := []position{{f.schema.Query.Name, "query { X }"}, {f.schema.Subscription.Name, "subscription { X }"}}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		if ways[at.typeName] != "" {
			continue
		}
		ways[at.typeName] = at.document
		for _, field := range f.schema.Types[at.typeName].Fields {
			call, callable := f.call(at.typeName, field)
			if !callable || f.schema.Types[field.Type.Name()].IsLeafType() {
				continue
			}
			for _, possible := range f.schema.GetPossibleTypes(f.schema.Types[field.Type.Name()]) {
				inner := "X"
				if possible.Name != field.Type.Name() {
					inner = "... on " + possible.Name + " { X }"
				}
				next = append(next, position{possible.Name, strings.Replace(at.document, "X", call+" { "+inner+" }", 1)})
			}
		}
	}
	return ways
}

// call is a field with the arguments that it needs; false when they are not known.
func (f *fixture) call(object string, field *ast.FieldDefinition) (string, bool) {
	if arguments := f.arguments[object+"."+field.Name]; arguments != "" {
		return field.Name + "(" + arguments + ")", true
	}
	for _, argument := range field.Arguments {
		if argument.Type.NonNull && argument.DefaultValue == nil {
			return "", false
		}
	}
	return field.Name, !strings.HasPrefix(field.Name, "__")
}
