package graph_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
)

const (
	cancel  = `mutation($input: OrderCancelInput!) { orderCancel(input: $input) { order { id status version cancelReason refunds { status } } userErrors { field message code } } }`
	deliver = `mutation($input: OrderDeliverInput!) { orderDeliver(input: $input) { order { status version } userErrors { field message code } } }`
	retry   = `mutation($input: PaymentRetryInput!) { paymentRetry(input: $input) { order { status payments { id } availableActions } payment { id status } replayed userErrors { field message code } } }`
	one     = `query($id: ID, $number: String) { order(id: $id, number: $number) { id number status version customerId
		total { amount } captured { amount } refunded { amount } refundable { amount }
		lines { name quantity unitPrice { amount } total { amount } product { sku } }
		payment { id status amount { amount } captured { amount } refunded { amount } provider providerReference captureMethod declineCode nextAction { type url clientSecret }
			attention attempts { id operation outcome calls message startedAt finishedAt } nextStepAt createdAt updatedAt }
		payments { id } refunds { id } availableActions cancelReason note externalReference metadata { key value } createdAt updatedAt expiresAt deliversAt
		events { edges { cursor node { __typename id type orderId version occurredAt actor { kind id }
			... on PaymentProcessing { paymentId } ... on PaymentConfirmed { paymentId amount { amount } } } } pageInfo { hasNextPage } } } }`
)

func TestOrderCreate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	mug, yen := w.product("mug", 1250, "EUR"), w.product("yen", 500, "JPY")
	gone := w.product("gone", 1, "EUR")
	w.do(staff, archive, vars{"id": gone}).ok()
	dear := w.product("dear", 10_000_000_000, "EUR")
	item := func(product string, quantity int) vars { return vars{"productId": product, "quantity": quantity} }
	input := func(key string, change vars) vars {
		in := vars{"idempotencyKey": key, "items": []vars{item(mug, 2)}, "paymentMethod": vars{"token": "sim_approve"}}
		for k, v := range change {
			in[k] = v
		}
		return vars{"input": in}
	}
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		in := input("ok", vars{"note": "Ring twice.", "externalReference": "PO-1", "metadata": []vars{{"key": "b", "value": "2"}, {"key": "a", "value": ""}}})
		made := w.do(ada, create, in).ok()
		made.want("orderCreate.order.status", "CREATED").want("orderCreate.order.version", 1).want("orderCreate.replayed", false)
		made.want("orderCreate.order.payment.status", "INITIALIZING").want("orderCreate.userErrors", []any{})
		again := w.do(ada, create, in, "Idempotency-Key", `"ok"`).ok().want("orderCreate.replayed", true)
		again.want("orderCreate.order.id", made.at("orderCreate.order.id"))
		read := w.do(ada, one, vars{"id": made.at("orderCreate.order.id")}).ok()
		read.want("order.note", "Ring twice.").want("order.externalReference", "PO-1").want("order.total.amount", "25.00")
		read.want("order.metadata", []vars{{"key": "b", "value": "2"}, {"key": "a", "value": ""}})
		read.want("order.customerId", ada.CustomerID.TypeID()).want("order.lines.0.product.sku", "mug")
		read.want("order.availableActions", []string{"CANCEL"})
	})
	t.Run("ExpectedTotal", func(t *testing.T) {
		w := w.in(t)
		expecting := func(minor, currency string) vars {
			return input("expected", vars{"expectedTotal": vars{"amountMinor": minor, "currency": currency}})
		}
		for _, in := range []vars{expecting("2400", "EUR"), expecting("2500", "USD"), expecting("-1", "EUR")} {
			w.do(ada, create, in).ok().want("orderCreate.order", nil).want("orderCreate.replayed", false).
				want("orderCreate.userErrors.0.code", "PRICE_CHANGED").want("orderCreate.userErrors.0.field", []string{"input", "expectedTotal"}).
				want("orderCreate.currentTotal", vars{"amountMinor": "2500", "amount": "25.00", "currency": "EUR"})
		}
		made := w.do(ada, create, expecting("2500", "EUR")).ok().want("orderCreate.replayed", false).want("orderCreate.currentTotal", nil)
		w.do(ada, create, expecting("2400", "EUR")).ok().want("orderCreate.replayed", true).want("orderCreate.currentTotal", nil).
			want("orderCreate.order.id", made.at("orderCreate.order.id"))
		w.do(ada, create, input("gone", vars{"items": []vars{item(gone, 1)}, "expectedTotal": vars{"amountMinor": "2", "currency": "EUR"}})).ok().
			want("orderCreate.userErrors.0.code", "PRODUCT_ARCHIVED").want("orderCreate.currentTotal", nil)
		w.do(ada, create, expecting("2500", "euros")).refused("BAD_USER_INPUT")
	})
	t.Run("OKHeaderAlone", func(t *testing.T) {
		w := w.in(t)
		first := w.do(ada, create, input("", nil), "Idempotency-Key", "from-header").ok().want("orderCreate.replayed", false)
		w.do(ada, create, input("from-header", nil)).ok().want("orderCreate.replayed", true).
			want("orderCreate.order.id", first.at("orderCreate.order.id"))
	})
	hundred := make([]vars, 101)
	for i := range hundred {
		hundred[i] = item(mug, 1)
	}
	var entries []vars
	for i := range 21 {
		entries = append(entries, vars{"key": strings.Repeat("k", i+1), "value": ""})
	}
	for name, c := range map[string]struct {
		change vars
		code   string
		field  []string
	}{
		"ErrUnknownProduct": {vars{"items": []vars{item(mug, 1), item(id.New[id.Product]().TypeID(), 1)}}, "PRODUCT_NOT_FOUND", []string{"input", "items", "1", "productId"}},
		"ErrArchived":       {vars{"items": []vars{item(gone, 1)}}, "PRODUCT_ARCHIVED", []string{"input", "items", "0", "productId"}},
		"ErrZero":           {vars{"items": []vars{item(mug, 0)}}, "QUANTITY_OUT_OF_RANGE", []string{"input", "items", "0", "quantity"}},
		"ErrNegative":       {vars{"items": []vars{item(mug, -1)}}, "QUANTITY_OUT_OF_RANGE", []string{"input", "items", "0", "quantity"}},
		"ErrBillion":        {vars{"items": []vars{item(mug, 1_000_000_000)}}, "QUANTITY_OUT_OF_RANGE", []string{"input", "items", "0", "quantity"}},
		"ErrEmpty":          {vars{"items": []vars{}}, "ITEMS_EMPTY", []string{"input", "items"}},
		"ErrTooMany":        {vars{"items": hundred}, "TOO_MANY_ITEMS", []string{"input", "items"}},
		"ErrMixed":          {vars{"items": []vars{item(mug, 1), item(yen, 1)}}, "MIXED_CURRENCY", []string{"input", "items", "1", "productId"}},
		"ErrTotal":          {vars{"items": []vars{item(dear, 999)}}, "TOTAL_OUT_OF_RANGE", []string{"input", "items"}},
		"ErrMethod":         {vars{"paymentMethod": vars{"token": "tok_nobody"}}, "PAYMENT_METHOD_INVALID", []string{"input", "paymentMethod", "token"}},
		"ErrNullByte":       {vars{"note": "a\x00b"}, "TEXT_INVALID", []string{"input", "note"}},
		"ErrLong":           {vars{"note": strings.Repeat("x", 501)}, "TEXT_TOO_LONG", []string{"input", "note"}},
		"ErrLongReference":  {vars{"externalReference": strings.Repeat("x", 101)}, "TEXT_TOO_LONG", []string{"input", "externalReference"}},
		"ErrCard":           {vars{"note": "4242 4242 4242 4242"}, "CARD_NUMBER_REFUSED", []string{"input", "note"}},
		"ErrMetadata":       {vars{"metadata": entries}, "METADATA_INVALID", []string{"input", "metadata"}},
		"ErrKeyEmpty":       {vars{"idempotencyKey": ""}, "IDEMPOTENCY_KEY_INVALID", []string{"input", "idempotencyKey"}},
		"ErrKeyReused":      {vars{"idempotencyKey": "reused"}, "IDEMPOTENCY_KEY_REUSED", []string{"input", "idempotencyKey"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			if name == "ErrKeyReused" {
				w.do(ada, create, input("reused", vars{"note": "another"})).ok().want("orderCreate.userErrors", []any{})
			}
			got := w.do(ada, create, input("refused-"+name, c.change)).ok().want("orderCreate.order", nil)
			got.want("orderCreate.userErrors.0.code", c.code).want("orderCreate.replayed", false)
			if name != "ErrKeyReused" { // the store does not know the input's path
				got.want("orderCreate.userErrors.0.field", c.field)
			}
		})
	}
	t.Run("ErrSeveral", func(t *testing.T) {
		w := w.in(t)
		got := w.do(ada, create, input("several", vars{"items": []vars{item(mug, 0), item(mug, 1000)}, "note": "a\x00"})).ok()
		if n := len(got.at("orderCreate.userErrors").([]any)); n != 3 {
			t.Errorf("%d user errors, want 3: %v", n, got.Data)
		}
	})
	t.Run("ErrShape", func(t *testing.T) {
		w := w.in(t)
		w.do(ada, create, input("shape", vars{"items": []vars{item("nonsense", 1)}})).refused("BAD_USER_INPUT")
		w.do(ada, create, input("shape", vars{"items": []vars{item(id.New[id.Order]().TypeID(), 1)}})).refused("BAD_USER_INPUT")
		w.do(ada, create, input("shape", vars{"items": []vars{item(mug, 1<<33)}})).refused("BAD_USER_INPUT")
		w.do(ada, create, input("one", nil), "Idempotency-Key", "two").refused("BAD_USER_INPUT")
		w.do(anonymous, create, input("shape", nil)).refused("UNAUTHENTICATED")
	})
	t.Run("ErrChangesNothing", func(t *testing.T) {
		w := w.in(t)
		w.do(ada, `{ orders { nodes { number } } }`, nil).ok()
		if n := len(w.do(staff, `{ orders(first: 100) { nodes { id } } }`, nil).ok().at("orders.nodes").([]any)); n > 4 {
			t.Errorf("%d orders exist, at most 4 were placed", n)
		}
	})
}

func TestOrder(t *testing.T) {
	t.Parallel()
	w := setup(t)
	product := w.product("mug", 1250, "EUR")
	orderID := w.order(ada, product, "sim_approve")
	w.walk(orderID)
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		got := w.do(ada, one, vars{"id": orderID}).ok()
		got.want("order.status", "CONFIRMED").want("order.version", 3).want("order.captured.amount", "25.00").want("order.refundable.amount", "25.00")
		got.want("order.payment.status", "CONFIRMED").want("order.payment.attempts", []any{}).want("order.payment.providerReference", nil)
		got.want("order.payment.provider", "simulated").want("order.payment.captured.amount", "25.00").want("order.expiresAt", nil)
		for i, name := range []string{"OrderCreated", "PaymentProcessing", "PaymentConfirmed"} {
			at := "order.events.edges." + string(rune('0'+i)) + ".node."
			got.want(at+"__typename", name).want(at+"orderId", orderID).want(at+"version", i+1).want(at+"actor.id", nil)
		}
		got.want("order.events.edges.0.node.actor.kind", "CUSTOMER").want("order.events.edges.2.node.actor.kind", "PROVIDER")
		got.want("order.events.edges.2.node.amount.amount", "25.00").want("order.events.edges.2.node.paymentId", got.at("order.payment.id"))
		w.do(ada, one, vars{"number": strings.ToLower(got.text("order.number"))}).ok().want("order.id", orderID)
	})
	t.Run("OKStaff", func(t *testing.T) {
		w := w.in(t)
		got := w.do(staff, one, vars{"id": orderID}).ok().want("order.availableActions", []string{"CANCEL", "DELIVER", "REFUND"})
		got.want("order.payment.attempts.0.outcome", "SUCCESS").want("order.payment.attempts.0.calls", 1)
		got.want("order.events.edges.0.node.actor.id", ada.CustomerID.TypeID()).want("order.events.edges.1.node.actor.id", nil)
		if reference := got.text("order.payment.providerReference"); !strings.HasPrefix(reference, "sim_") {
			t.Errorf("the provider's reference is %q", reference)
		}
	})
	t.Run("OKForeign", func(t *testing.T) {
		w := w.in(t)
		w.do(bob, one, vars{"id": orderID}).ok().want("order", nil)
		w.do(bob, one, vars{"id": id.New[id.Order]().TypeID()}).ok().want("order", nil)
		w.do(bob, one, vars{"number": "OW-00000000"}).ok().want("order", nil)
	})
	t.Run("OKEvents", func(t *testing.T) {
		w := w.in(t)
		const page = `query($id: ID!, $first: Int, $after: String) { order(id: $id) { events(first: $first, after: $after) {
			nodes { version } pageInfo { hasNextPage hasPreviousPage endCursor } } } }`
		got := w.do(ada, page, vars{"id": orderID, "first": 2}).ok().want("order.events.nodes", []vars{{"version": 1}, {"version": 2}})
		got.want("order.events.pageInfo.hasNextPage", true).want("order.events.pageInfo.hasPreviousPage", false)
		end := got.at("order.events.pageInfo.endCursor")
		got = w.do(ada, page, vars{"id": orderID, "first": 2, "after": end}).ok().want("order.events.nodes", []vars{{"version": 3}})
		got.want("order.events.pageInfo.hasNextPage", false).want("order.events.pageInfo.hasPreviousPage", true)
		w.do(ada, page, vars{"id": orderID, "first": 101}).refused("BAD_USER_INPUT")
		w.do(ada, page, vars{"id": orderID, "after": ""}).refused("INVALID_CURSOR")
		other := w.order(ada, product, "sim_approve")
		w.do(ada, page, vars{"id": other, "after": end}).refused("INVALID_CURSOR")
	})
	for name, c := range map[string]struct {
		variables vars
		code      string
	}{
		"ErrMalformed": {vars{"id": "order_1"}, "BAD_USER_INPUT"},
		"ErrKind":      {vars{"id": product}, "BAD_USER_INPUT"},
		"ErrNeither":   {vars{}, "BAD_USER_INPUT"},
		"ErrBoth":      {vars{"id": orderID, "number": "OW-00000000"}, "BAD_USER_INPUT"},
		"ErrNullByte":  {vars{"number": "\x00"}, "BAD_USER_INPUT"},
	} {
		t.Run(name, func(t *testing.T) { w.in(t).do(ada, one, c.variables).refused(c.code) })
	}
	t.Run("ErrAnonymous", func(t *testing.T) { w.in(t).do(anonymous, one, vars{"id": orderID}).refused("UNAUTHENTICATED") })
}

func TestOrders(t *testing.T) {
	t.Parallel()
	w := setup(t)
	product := w.product("mug", 1250, "EUR")
	old, young := w.order(ada, product, "sim_decline"), w.order(ada, product, "sim_approve")
	w.walk(old)
	w.order(bob, product, "sim_approve")
	const list = `query($filter: OrderFilter, $first: Int, $after: String) { orders(filter: $filter, first: $first, after: $after) {
		nodes { id } pageInfo { endCursor hasNextPage } } }`
	adaID := ada.CustomerID.TypeID()
	w.do(ada, list, nil).ok().want("orders.nodes", []vars{{"id": young}, {"id": old}})
	w.do(ada, list, vars{"filter": vars{"paymentStatus": []string{"DECLINED"}}}).ok().want("orders.nodes", []vars{{"id": old}})
	w.do(ada, list, vars{"filter": vars{"createdAt": vars{"to": "0001-01-01T00:00:00Z"}}}).ok().want("orders.nodes", []any{})
	w.do(ada, list, vars{"filter": vars{"createdAt": vars{"from": "2020-01-01T00:00:00+01:00"}, "status": []string{"CREATED"}, "search": "MUG"}}).ok().
		want("orders.nodes", []vars{{"id": young}, {"id": old}})
	w.do(staff, list, vars{"filter": vars{"customerId": adaID}}).ok().want("orders.nodes", []vars{{"id": young}, {"id": old}})
	first := w.do(staff, list, vars{"first": 1}).ok().want("orders.pageInfo.hasNextPage", true)
	w.do(staff, list, vars{"after": first.at("orders.pageInfo.endCursor")}).ok().want("orders.nodes", []vars{{"id": young}, {"id": old}})

	zeros := id.Customer(uuid.Nil).TypeID()
	w.do(staff, list, vars{"filter": vars{"customerId": zeros}}).ok().want("orders.nodes", []any{})
	w.do(staff, list, vars{"after": pagination.Cursor("orders", uuid.Nil)}).ok().want("orders.nodes", []any{})
	const before = `query($before: String) { orders(last: 5, before: $before) { nodes { id } pageInfo { hasNextPage } } }`
	w.do(staff, before, vars{"before": pagination.Cursor("orders", uuid.Max)}).ok().want("orders.nodes", []any{}).want("orders.pageInfo.hasNextPage", true)
	w.do(ada, list, vars{"filter": vars{"customerId": zeros}}).refused("FORBIDDEN")

	w.do(ada, list, vars{"filter": vars{"customerId": adaID}}).refused("FORBIDDEN")
	w.do(staff, list, vars{"filter": vars{"customerId": "x"}}).refused("BAD_USER_INPUT")
	w.do(staff, list, vars{"filter": vars{"status": []string{"NEW"}}}).refused("BAD_USER_INPUT")
	w.do(staff, list, vars{"filter": vars{"createdAt": vars{"from": "yesterday"}}}).refused("BAD_USER_INPUT")
	w.do(staff, list, vars{"filter": vars{"search": "\x00"}}).refused("BAD_USER_INPUT")
	w.do(staff, list, vars{"after": "x"}).refused("INVALID_CURSOR")
	w.do(anonymous, list, nil).refused("UNAUTHENTICATED")
}
