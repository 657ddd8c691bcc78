package graph_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/id"
)

const refund = `mutation($input: RefundCreateInput!) { refundCreate(input: $input) {
	refund { id status amount { amount } reason payment { id } } order { id status version captured { amount } refunded { amount } refundable { amount } }
	replayed userErrors { field message code } } }`

func TestRefundCreate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	input := func(key, orderID string, more ...any) vars {
		in := vars{"idempotencyKey": key, "orderId": orderID}
		for i := 0; i+1 < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return vars{"input": in}
	}
	orderID, paymentID := w.paid("sim_approve")
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		first := w.do(staff, refund, input("a", orderID, "amountMinor", "1000", "reason", "One was broken.", "expectedVersion", 3)).ok().
			want("refundCreate.refund.status", "PENDING").want("refundCreate.refund.amount.amount", "10.00").want("refundCreate.replayed", false).
			want("refundCreate.refund.payment.id", paymentID).want("refundCreate.order.refundable.amount", "15.00").want("refundCreate.order.version", 4)
		w.do(staff, deliver, vars{"input": vars{"orderId": orderID}}).ok().want("orderDeliver.order.status", "DELIVERED")
		w.walk(orderID)
		w.do(staff, refund, input("a", orderID, "amountMinor", "1000", "reason", "One was broken.", "expectedVersion", 3)).ok().
			want("refundCreate.replayed", true).want("refundCreate.refund.id", first.at("refundCreate.refund.id")).
			want("refundCreate.refund.status", "SUCCEEDED").want("refundCreate.refund.reason", "One was broken.")
		w.do(staff, refund, input("a", orderID)).ok().want("refundCreate.userErrors.0.code", "IDEMPOTENCY_KEY_REUSED")
		w.do(staff, refund, input("b", orderID, "amountMinor", "1501")).ok().want("refundCreate.userErrors.0.code", "AMOUNT_OUT_OF_RANGE").
			want("refundCreate.userErrors.0.field", []string{"input", "amountMinor"}).want("refundCreate.refund", nil)
		w.do(staff, refund, input("b", orderID)).ok().want("refundCreate.refund.amount.amount", "15.00")
		w.do(staff, refund, input("c", orderID)).ok().want("refundCreate.userErrors.0.code", "NOTHING_REFUNDABLE")
		w.walk(orderID)
		w.do(ada, one, vars{"id": orderID}).ok().want("order.refunded.amount", "25.00").want("order.status", "DELIVERED").
			want("order.payment.refunded.amount", "25.00")
		w.history(orderID, "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_CONFIRMED REFUND_CREATED ORDER_DELIVERED REFUND_SUCCEEDED REFUND_CREATED REFUND_SUCCEEDED")
		w.audited(first.text("refundCreate.refund.id"), "refund.create 10.00 EUR of "+w.do(ada, one, vars{"id": orderID}).text("order.number"))
	})
	unpaid := w.order(ada, w.product("pen", 100, "EUR"), "sim_approve")
	paid, _ := w.paid("sim_approve")
	cancelling, _ := w.paid("sim_approve")
	w.do(ada, cancel, vars{"input": vars{"orderId": cancelling}}).ok()
	for name, c := range map[string]struct {
		input vars
		code  string
	}{
		"ErrMissing":    {input("k", id.New[id.Order]().TypeID()), "ORDER_NOT_FOUND"},
		"ErrUnpaid":     {input("k", unpaid), "NOTHING_REFUNDABLE"},
		"ErrCancelling": {input("k", cancelling), "ORDER_CANCELLING"},
		"ErrZero":       {input("k", paid, "amountMinor", "0"), "AMOUNT_OUT_OF_RANGE"},
		"ErrNegative":   {input("k", paid, "amountMinor", "-5"), "AMOUNT_OUT_OF_RANGE"},
		"ErrConflict":   {input("k", paid, "expectedVersion", 1), "CONFLICT"},
		"ErrNullByte":   {input("k", paid, "reason", "\x00"), "TEXT_INVALID"},
		"ErrLong":       {input("k", paid, "reason", string(make([]byte, 501))), "TEXT_TOO_LONG"},
		"ErrCard":       {input("k", paid, "reason", "4242424242424242"), "CARD_NUMBER_REFUSED"},
		"ErrKey":        {input("", paid), "IDEMPOTENCY_KEY_INVALID"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			w.do(staff, refund, c.input).ok().want("refundCreate.refund", nil).want("refundCreate.order", nil).want("refundCreate.userErrors.0.code", c.code)
		})
	}
	t.Run("ErrShape", func(t *testing.T) {
		w := w.in(t)
		w.do(staff, refund, input("k", "x")).refused("BAD_USER_INPUT")
		w.do(ada, refund, input("k", paid)).refused("FORBIDDEN")
		w.do(anonymous, refund, input("k", paid)).refused("UNAUTHENTICATED")
	})
	t.Run("ErrDeliverWhileCancelling", func(t *testing.T) {
		w := w.in(t)
		w.do(staff, deliver, vars{"input": vars{"orderId": cancelling}}).ok().want("orderDeliver.userErrors.0.code", "NOT_ALLOWED_IN_STATE")
	})
}
