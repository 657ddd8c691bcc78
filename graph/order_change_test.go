package graph_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
)

func TestOrderCancel(t *testing.T) {
	t.Parallel()
	w := setup(t)
	product := w.product("mug", 1250, "EUR")
	input := func(orderID string, more ...any) vars {
		in := vars{"orderId": orderID}
		for i := 0; i+1 < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return vars{"input": in}
	}
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		orderID := w.order(ada, product, "sim_approve")
		got := w.do(ada, cancel, input(orderID, "expectedVersion", 1, "note", "Changed my mind.")).ok()
		got.want("orderCancel.order.status", "CANCELLED").want("orderCancel.order.cancelReason", "CUSTOMER")
		w.do(ada, cancel, input(orderID, "expectedVersion", 1)).ok().want("orderCancel.order.version", got.at("orderCancel.order.version"))
		w.do(ada, one, vars{"id": orderID}).ok().want("order.availableActions", []any{}).want("order.payment.status", "VOIDED")
	})
	t.Run("OKPaid", func(t *testing.T) {
		w := w.in(t)
		orderID := w.order(ada, product, "sim_approve")
		w.walk(orderID)
		w.do(staff, cancel, input(orderID)).ok().want("orderCancel.order.status", "CANCELLING").
			want("orderCancel.order.cancelReason", "STAFF").want("orderCancel.order.refunds", []vars{{"status": "PENDING"}})
		w.walk(orderID)
		w.do(ada, one, vars{"id": orderID}).ok().want("order.status", "CANCELLED").want("order.refunded.amount", "25.00").
			want("order.refundable.amount", "0.00").want("order.payment.refunded.amount", "25.00")
	})
	orderID := w.order(ada, product, "sim_approve")
	for name, c := range map[string]struct {
		input vars
		code  string
	}{
		"ErrMissing":  {input(id.New[id.Order]().TypeID()), "ORDER_NOT_FOUND"},
		"ErrConflict": {input(orderID, "expectedVersion", 9), "CONFLICT"},
		"ErrNullByte": {input(orderID, "note", "\x00"), "TEXT_INVALID"},
		"ErrCard":     {input(orderID, "note", "4242424242424242"), "CARD_NUMBER_REFUSED"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			w.do(ada, cancel, c.input).ok().want("orderCancel.order", nil).want("orderCancel.userErrors.0.code", c.code)
		})
	}
	t.Run("ErrForeign", func(t *testing.T) {
		w := w.in(t)
		w.do(bob, cancel, input(orderID)).ok().want("orderCancel.userErrors.0.code", "ORDER_NOT_FOUND")
	})
	t.Run("ErrDelivered", func(t *testing.T) {
		w := w.in(t)
		orderID := w.order(ada, product, "sim_approve")
		w.walk(orderID)
		w.do(staff, deliver, input(orderID)).ok()
		w.do(ada, cancel, input(orderID)).ok().want("orderCancel.userErrors.0.code", "ALREADY_DELIVERED")
	})
	t.Run("ErrShape", func(t *testing.T) {
		w := w.in(t)
		w.do(ada, cancel, input("x")).refused("BAD_USER_INPUT")
		w.do(anonymous, cancel, input("x")).refused("UNAUTHENTICATED")
	})
}

func TestOrderDeliver(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID := w.order(ada, w.product("mug", 1250, "EUR"), "sim_approve")
	input := vars{"input": vars{"orderId": orderID}}
	w.do(staff, deliver, input).ok().want("orderDeliver.userErrors.0.code", "NOT_ALLOWED_IN_STATE").want("orderDeliver.order", nil)
	w.walk(orderID)
	w.do(ada, deliver, input).refused("FORBIDDEN")
	w.do(anonymous, deliver, input).refused("UNAUTHENTICATED")
	w.do(staff, deliver, vars{"input": vars{"orderId": ""}}).refused("BAD_USER_INPUT")
	w.do(staff, deliver, vars{"input": vars{"orderId": orderID, "expectedVersion": 1}}).ok().want("orderDeliver.userErrors.0.code", "CONFLICT")
	w.do(staff, deliver, vars{"input": vars{"orderId": id.New[id.Order]().TypeID()}}).ok().want("orderDeliver.userErrors.0.code", "ORDER_NOT_FOUND")
	w.do(staff, deliver, vars{"input": vars{"orderId": orderID, "expectedVersion": 3}}).ok().want("orderDeliver.order", vars{"status": "DELIVERED", "version": 4})
	w.do(staff, deliver, input).ok().want("orderDeliver.order.version", 4)
}

func TestPaymentRetry(t *testing.T) {
	t.Parallel()
	w := setup(t)
	product := w.product("mug", 1250, "EUR")
	orderID := w.order(ada, product, "sim_decline")
	input := func(key string, more ...any) vars {
		in := vars{"idempotencyKey": key, "orderId": orderID, "paymentMethod": vars{"token": "sim_approve"}}
		for i := 0; i+1 < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return vars{"input": in}
	}
	w.do(ada, retry, input("early")).ok().want("paymentRetry.userErrors.0.code", "NOT_ALLOWED_IN_STATE")
	w.walk(orderID)
	w.do(ada, one, vars{"id": orderID}).ok().want("order.availableActions", []string{"CANCEL", "RETRY_PAYMENT"}).
		want("order.payment.declineCode", "card_declined")

	for code, refused := range map[string]*answer{
		"ORDER_NOT_FOUND":         w.do(bob, retry, input("k")),
		"CONFLICT":                w.do(ada, retry, input("k", "expectedVersion", 1)),
		"PAYMENT_METHOD_INVALID":  w.do(ada, retry, input("k", "paymentMethod", vars{"token": "x"})),
		"IDEMPOTENCY_KEY_INVALID": w.do(ada, retry, input("é")),
	} {
		refused.ok().want("paymentRetry.userErrors.0.code", code).want("paymentRetry.payment", nil).want("paymentRetry.order", nil)
	}
	w.do(ada, retry, input("k", "orderId", "x")).refused("BAD_USER_INPUT")
	w.do(ada, retry, input("k"), "Idempotency-Key", "other").refused("BAD_USER_INPUT")
	w.do(anonymous, retry, input("k")).refused("UNAUTHENTICATED")

	made := w.do(ada, retry, input("k")).ok().want("paymentRetry.replayed", false).want("paymentRetry.payment.status", "INITIALIZING")
	made.want("paymentRetry.order.payments.1", vars{"id": made.at("paymentRetry.payment.id")})
	w.walk(orderID)
	w.do(ada, retry, input("k")).ok().want("paymentRetry.replayed", true).want("paymentRetry.payment",
		vars{"id": made.at("paymentRetry.payment.id"), "status": "CONFIRMED"})
	w.do(ada, retry, input("k", "paymentMethod", vars{"token": "sim_decline"})).ok().want("paymentRetry.userErrors.0.code", "IDEMPOTENCY_KEY_REUSED")
}

// While a payment waits for its customer, another one may be made, which waits until the first is voided. Only one waits.
func TestPayAnotherWay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID := w.order(ada, w.product("mug", 1250, "EUR"), "sim_requires_action")
	w.walk(orderID)
	w.do(ada, one, vars{"id": orderID}).ok().want("order.availableActions", []string{"CANCEL", "RETRY_PAYMENT", "COMPLETE_ACTION"})
	input := func(key string) vars {
		return vars{"input": vars{"idempotencyKey": key, "orderId": orderID, "paymentMethod": vars{"token": "sim_approve"}}}
	}
	waits := func() *answer {
		return w.do(ada, `query ($id: ID) { order(id: $id) { availableActions payment { id status waits nextStepAt } payments { status waits } } }`, vars{"id": orderID}).ok()
	}
	made := w.do(ada, retry, input("k")).ok().want("paymentRetry.userErrors", []any{}).want("paymentRetry.payment.status", "INITIALIZING")
	w.do(ada, retry, input("another")).ok().want("paymentRetry.userErrors.0", vars{
		"code": "NOT_ALLOWED_IN_STATE", "field": []string{"input", "orderId"},
		"message": "A new payment waits already: it begins once the earlier one is voided.",
	})
	w.do(ada, retry, input("k")).ok().want("paymentRetry.replayed", true).want("paymentRetry.payment.id", made.at("paymentRetry.payment.id"))
	waits().want("order.payment", vars{"id": made.at("paymentRetry.payment.id"), "status": "INITIALIZING", "waits": true, "nextStepAt": nil}).
		want("order.payments", []vars{{"status": "REQUIRES_ACTION", "waits": false}, {"status": "INITIALIZING", "waits": true}}).
		want("order.availableActions", []string{"CANCEL"})
	w.walk(orderID)
	waits().want("order.payments", []vars{{"status": "VOIDED", "waits": false}, {"status": "CONFIRMED", "waits": false}})
	w.history(orderID, "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_ACTION_REQUIRED PAYMENT_RETRIED PAYMENT_VOIDED PAYMENT_PROCESSING PAYMENT_CONFIRMED")
}

func TestNextAction(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID := w.order(ada, w.product("mug", 1250, "EUR"), "sim_requires_action")
	w.walk(orderID)
	w.do(ada, one, vars{"id": orderID}).ok().want("order.payment.status", "REQUIRES_ACTION").
		want("order.payment.nextAction", vars{"type": "SIMULATED", "url": nil, "clientSecret": nil})
	w.do(staff, one, vars{"id": orderID}).ok().want("order.payment.nextAction", nil)
}

func TestNode(t *testing.T) {
	t.Parallel()
	w := setup(t)
	product := w.product("mug", 1250, "EUR")
	orderID := w.order(ada, product, "sim_approve")
	w.walk(orderID)
	w.do(ada, cancel, vars{"input": vars{"orderId": orderID}}).ok()
	got := w.do(ada, one, vars{"id": orderID}).ok()
	paymentID, refundID := got.text("order.payment.id"), got.text("order.refunds.0.id")
	const query = `query($id: ID!) { node(id: $id) { __typename id ... on Refund { amount { amount } order { id } payment { id } } ... on Payment { order { id } } } }`
	for nodeID, kind := range map[string]string{product: "Product", orderID: "Order", paymentID: "Payment", refundID: "Refund"} {
		w.do(ada, query, vars{"id": nodeID}).ok().want("node.__typename", kind).want("node.id", nodeID)
		w.do(staff, query, vars{"id": nodeID}).ok().want("node.__typename", kind)
		if kind != "Product" {
			w.do(bob, query, vars{"id": nodeID}).ok().want("node", nil)
			w.do(anonymous, query, vars{"id": nodeID}).refused("UNAUTHENTICATED")
		}
	}
	w.do(ada, query, vars{"id": refundID}).ok().want("node.order.id", orderID).want("node.payment.id", paymentID)
	w.do(anonymous, query, vars{"id": product}).refused("UNAUTHENTICATED") // it selects an order's field, too
	const public = `query($id: ID!) { node(id: $id) { __typename id ... on Product { sku } } }`
	w.do(anonymous, public, vars{"id": product}).ok().want("node.__typename", "Product").want("node.sku", "mug")
	w.do(anonymous, public, vars{"id": orderID}).refused("UNAUTHENTICATED")
	w.do(ada, query, vars{"id": ada.CustomerID.TypeID()}).ok().want("node", nil)
	w.do(ada, query, vars{"id": "x"}).refused("BAD_USER_INPUT")
	w.do(ada, `query($id: ID!) { payment(id: $id) { id order { id } } }`, vars{"id": paymentID}).ok().want("payment.order.id", orderID)
	w.do(bob, `query($id: ID!) { payment(id: $id) { id } }`, vars{"id": paymentID}).ok().want("payment", nil)
	w.do(anonymous, `query($id: ID!) { payment(id: $id) { id } }`, vars{"id": paymentID}).refused("UNAUTHENTICATED")
	w.do(ada, `query($id: ID!) { payment(id: $id) { id } }`, vars{"id": orderID}).refused("BAD_USER_INPUT")
	w.do(ada, `query($id: ID!) { product(id: $id) { id } }`, vars{"id": orderID}).refused("BAD_USER_INPUT")

	const nodes = `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`
	w.do(ada, nodes, vars{"ids": []string{id.Order(uuid.Max).TypeID(), orderID, product, orderID}}).ok().
		want("nodes", []any{nil, vars{"id": orderID}, vars{"id": product}, vars{"id": orderID}})
	w.do(ada, nodes, vars{"ids": []string{}}).ok().want("nodes", []any{})
	w.do(ada, nodes, vars{"ids": []string{orderID, "x"}}).refused("BAD_USER_INPUT")
	w.do(ada, nodes, vars{"ids": make([]string, 101)}).refused("BAD_USER_INPUT")
}

func TestViewer(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const query = `{ viewer { id name role expiresAt } }`
	w.do(anonymous, query, nil).ok().want("viewer", nil)
	w.do(ada, query, nil).ok().want("viewer", vars{
		"id": ada.CustomerID.TypeID(), "name": "ada", "role": "CUSTOMER", "expiresAt": "2100-01-01T00:00:00.000000Z",
	})
	w.do(staff, query, nil).ok().want("viewer.role", "STAFF")
}
