package graph_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/order"
)

const refundedLines = `query($id: ID) { order(id: $id) {
	lines { position name quantity refundedQuantity } refunded { amountMinor }
	refunds { amount { amountMinor } lines { quantity amount { amountMinor } line { position name refundedQuantity } } } } }`

func TestRefundLines(t *testing.T) {
	t.Parallel()
	w := setup(t)
	// Line 1: 3 mugs at 5.00, line 2: 2 pens at 1.50, which are 18.00.
	paid := func() string {
		t.Helper()
		orderID := w.do(ada, create, vars{"input": vars{
			"idempotencyKey": uuid.NewString(), "paymentMethod": vars{"token": "sim_approve"},
			"items": []any{vars{"productId": w.product("mug", 500, "EUR"), "quantity": 3}, vars{"productId": w.product("pen", 150, "EUR"), "quantity": 2}},
		}}).ok().text("orderCreate.order.id")
		w.walk(orderID)
		return orderID
	}
	type lines = []any
	line := func(position, quantity int) vars { return vars{"position": position, "quantity": quantity} }
	input := func(orderID string, of any, more ...vars) vars {
		in := vars{"idempotencyKey": uuid.NewString(), "orderId": orderID, "lines": of}
		for _, m := range more {
			for k, v := range m {
				in[k] = v
			}
		}
		return vars{"input": in}
	}
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		orderID := paid()
		first := w.do(staff, refund, input(orderID, lines{line(2, 1), line(1, 2)}, vars{"idempotencyKey": "lines"})).ok().want("refundCreate.refund.amount.amount", "11.50")
		w.do(staff, refund, input(orderID, lines{line(2, 1), line(1, 2)}, vars{"idempotencyKey": "lines"})).ok().
			want("refundCreate.replayed", true).want("refundCreate.refund.id", first.at("refundCreate.refund.id"))
		w.do(staff, refund, input(orderID, lines{line(2, 2)}, vars{"idempotencyKey": "lines"})).ok().want("refundCreate.userErrors.0.code", "IDEMPOTENCY_KEY_REUSED")
		w.walk(orderID)
		w.do(ada, refundedLines, vars{"id": orderID}).ok().want("order.refunded.amountMinor", "1150").
			want("order.lines.0.position", 1).want("order.lines.0.name", "The mug").want("order.lines.0.refundedQuantity", 2).
			want("order.lines.1.position", 2).want("order.lines.1.refundedQuantity", 1).
			want("order.refunds.0.lines.0.line.position", 2).want("order.refunds.0.lines.0.quantity", 1).want("order.refunds.0.lines.0.amount.amountMinor", "150").
			want("order.refunds.0.lines.1.line.name", "The mug").want("order.refunds.0.lines.1.amount.amountMinor", "1000").
			want("order.refunds.0.lines.1.line.refundedQuantity", 2)
		w.audited(first.text("refundCreate.refund.id"), "refund.create 11.50 EUR of "+w.do(ada, one, vars{"id": orderID}).text("order.number")+", lines 2 (1), 1 (2)")
		w.do(staff, refund, input(orderID, lines{line(1, 2)})).ok().want("refundCreate.userErrors.0.code", "QUANTITY_OUT_OF_RANGE").
			want("refundCreate.userErrors.0.field", []string{"input", "lines", "0", "quantity"})
		// A refund of an amount is of no line, and leaves less for the lines.
		w.do(staff, refund, vars{"input": vars{"idempotencyKey": uuid.NewString(), "orderId": orderID, "amountMinor": "200"}}).ok().want("refundCreate.userErrors", []any{})
		w.do(staff, refund, input(orderID, lines{line(1, 1)})).ok().want("refundCreate.userErrors.0.code", "AMOUNT_OUT_OF_RANGE").
			want("refundCreate.userErrors.0.field", []string{"input", "lines"})
		w.walk(orderID)
		w.do(ada, refundedLines, vars{"id": orderID}).ok().want("order.refunds.1.lines", []any{}).want("order.lines.0.refundedQuantity", 2)
	})
	// Lists read only the parts that are selected: a field that is computed from another part needs that part, too.
	t.Run("OKLists", func(t *testing.T) {
		w := w.in(t)
		orderID := paid()
		w.do(staff, refund, input(orderID, lines{line(1, 3)})).ok()
		w.do(ada, `{ orders(first: 1) { nodes { lines { refundedQuantity } } } }`, nil).ok().want("orders.nodes.0.lines.0.refundedQuantity", 3)
		w.do(ada, `{ orders(first: 1) { nodes { refunds { lines { line { name } } } } } }`, nil).ok().want("orders.nodes.0.refunds.0.lines.0.line.name", "The mug")
	})
	orderID := paid()
	wide := make(lines, order.MaxItems+1)
	for i := range wide {
		wide[i] = line(i+1, 1)
	}
	for name, c := range map[string]struct {
		input vars
		code  string
		field []string
	}{
		"ErrBoth":      {input(orderID, lines{line(1, 1)}, vars{"amountMinor": "500"}), "INVALID_INPUT", []string{"input", "amountMinor"}},
		"ErrEmpty":     {input(orderID, lines{}), "INVALID_INPUT", []string{"input", "lines"}},
		"ErrMany":      {input(orderID, wide), "INVALID_INPUT", []string{"input", "lines"}},
		"ErrTwice":     {input(orderID, lines{line(1, 1), line(1, 1)}), "INVALID_INPUT", []string{"input", "lines", "1", "position"}},
		"ErrNoLine":    {input(orderID, lines{line(3, 1)}), "INVALID_INPUT", []string{"input", "lines", "0", "position"}},
		"ErrPosition":  {input(orderID, lines{line(0, 1)}), "INVALID_INPUT", []string{"input", "lines", "0", "position"}},
		"ErrNone":      {input(orderID, lines{line(1, 1), line(2, 0)}), "QUANTITY_OUT_OF_RANGE", []string{"input", "lines", "1", "quantity"}},
		"ErrNegative":  {input(orderID, lines{line(1, -1)}), "QUANTITY_OUT_OF_RANGE", []string{"input", "lines", "0", "quantity"}},
		"ErrTooMuch":   {input(orderID, lines{line(2, 3)}), "QUANTITY_OUT_OF_RANGE", []string{"input", "lines", "0", "quantity"}},
		"ErrConflict":  {input(orderID, lines{line(1, 1)}, vars{"expectedVersion": 1}), "CONFLICT", []string{"input", "expectedVersion"}},
		"ErrLargeWrap": {input(orderID, lines{line(1, 2147483647)}), "QUANTITY_OUT_OF_RANGE", []string{"input", "lines", "0", "quantity"}},
	} {
		t.Run(name, func(t *testing.T) {
			w.in(t).do(staff, refund, c.input).ok().want("refundCreate.refund", nil).want("refundCreate.userErrors.0.code", c.code).want("refundCreate.userErrors.0.field", c.field)
		})
	}
}
