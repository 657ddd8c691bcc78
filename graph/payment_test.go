package graph_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/product"
)

// paymentMutation selects the same of each of them.
func paymentMutation(name string) string {
	kind := strings.ToUpper(name[:1]) + name[1:]
	return fmt.Sprintf(`mutation($input: %sInput!) { %s(input: $input) {
		order { id status version availableActions } payment { id status attention nextAction { type } attempts { operation outcome } }
		userErrors { field message code } } }`, kind, name)
}

// paid is an order that has gone as far as it goes by itself; the ids of it and its payment.
func (w *world) paid(token string, capture ...string) (orderID, paymentID string) {
	w.t.Helper()
	orderID = w.order(ada, w.product(id.New[uuid.UUID]().String()[24:], 1250, "EUR"), token, capture...)
	w.walk(orderID)
	return orderID, w.do(ada, one, vars{"id": orderID}).ok().text("order.payment.id")
}

func (w *world) ask(p auth.Principal, mutation, paymentID string, more ...any) *answer {
	w.t.Helper()
	in := vars{"paymentId": paymentID}
	for i := 0; i+1 < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	return w.do(p, paymentMutation(mutation), vars{"input": in})
}

// events are the types of an order's history.
func (w *world) events(orderID string) string {
	w.t.Helper()
	got := w.do(staff, `query($id: ID) { order(id: $id) { events(first: 50) { nodes { type } } } }`, vars{"id": orderID}).ok()
	var types []string
	for i := range got.at("order.events.nodes").([]any) {
		types = append(types, got.text(fmt.Sprintf("order.events.nodes.%d.type", i)))
	}
	return strings.Join(types, " ")
}

func (w *world) history(orderID, want string) {
	w.t.Helper()
	if got := w.events(orderID); got != want {
		w.t.Errorf("happened\n%s, want\n%s", got, want)
	}
}

// audit lists the audit entries about a subject, "action detail".
func (w *world) audit(subject string) []string {
	w.t.Helper()
	entries := []string{}
	if err := w.db.SelectContext(w.t.Context(), &entries, `
		SELECT concat_ws(' ', action, detail) FROM audit_entries WHERE subject = $1 AND actor_id = $2 ORDER BY id`, subject, staff.CustomerID); err != nil {
		w.t.Fatal(err)
	}
	return entries
}

func (w *world) audited(subject string, want ...string) {
	w.t.Helper()
	if got := w.audit(subject); !slices.Equal(got, want) {
		w.t.Errorf("audited %q, want %q", got, want)
	}
}

// setAttention sets an attention directly, which otherwise takes a long time.
func (w *world) setAttention(paymentID, attention string) {
	w.t.Helper()
	key, err := id.Parse[id.Payment](paymentID)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.db.ExecContext(w.t.Context(), `UPDATE payments SET attention = $2 WHERE id = $1`, key, attention); err != nil {
		w.t.Fatal(err)
	}
}

// dispute gives a payment a dispute whose evidence is due, and returns its id.
func (w *world) dispute(orderID, paymentID string) string {
	w.t.Helper()
	orderKey, err := id.Parse[id.Order](orderID)
	if err != nil {
		w.t.Fatal(err)
	}
	paymentKey, err := id.Parse[id.Payment](paymentID)
	if err != nil {
		w.t.Fatal(err)
	}
	now := order.SystemClock()
	d := payment.Dispute{
		ID: id.New[id.Dispute](), OrderID: orderKey, PaymentID: paymentKey, Amount: money.Amount{Minor: 100, Currency: "EUR"},
		Status: payment.DisputeNeedsResponse, Reason: "fraudulent", Reference: "dp_1", RespondBy: &now, CreatedAt: now, UpdatedAt: now,
	}
	disputes, err := json.Marshal([]payment.Dispute{d})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.db.ExecContext(w.t.Context(), `UPDATE payments SET disputes = $2 WHERE id = $1`, paymentKey, string(disputes)); err != nil {
		w.t.Fatal(err)
	}
	return d.ID.TypeID()
}

const upToHold = "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_AUTHORIZED"

func TestPaymentCapture(t *testing.T) {
	t.Parallel()
	w := setup(t)
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		orderID, paymentID := w.paid("sim_approve", "MANUAL")
		w.do(staff, one, vars{"id": orderID}).ok().want("order.availableActions", []string{"CANCEL", "CAPTURE", "VOID"}).want("order.expiresAt", nil)
		w.ask(staff, "paymentCapture", paymentID, "expectedVersion", 9).ok().want("paymentCapture.userErrors.0.code", "CONFLICT").
			want("paymentCapture.userErrors.0.field", []string{"input", "expectedVersion"})
		w.ask(staff, "paymentCapture", paymentID, "expectedVersion", 3).ok().want("paymentCapture.payment.status", "AUTHORIZED").
			want("paymentCapture.userErrors", []any{})
		w.ask(staff, "paymentCapture", paymentID, "expectedVersion", 3).ok().want("paymentCapture.payment.attempts",
			[]vars{{"operation": "AUTHORIZE", "outcome": "SUCCESS"}, {"operation": "CAPTURE", "outcome": nil}})
		w.ask(staff, "paymentVoid", paymentID).ok().want("paymentVoid.userErrors.0.code", "NOT_ALLOWED_IN_STATE")
		w.walk(orderID)
		w.ask(staff, "paymentCapture", paymentID, "expectedVersion", 3).ok().want("paymentCapture.payment.status", "CONFIRMED").
			want("paymentCapture.order.status", "CONFIRMED").want("paymentCapture.order.version", 4)
		w.history(orderID, upToHold+" PAYMENT_CONFIRMED")
		w.audited(paymentID, "payment.capture")
		got := w.do(ada, one, vars{"id": orderID}).ok().want("order.captured.amount", "25.00")
		if got.at("order.deliversAt") == nil {
			t.Error("no delivery was started")
		}
	})
	t.Run("Err", func(t *testing.T) {
		w := w.in(t)
		_, declined := w.paid("sim_decline", "MANUAL")
		w.ask(staff, "paymentCapture", declined).ok().want("paymentCapture.userErrors.0.code", "NOT_ALLOWED_IN_STATE").
			want("paymentCapture.payment", nil).want("paymentCapture.order", nil)
		w.ask(staff, "paymentCapture", id.New[id.Payment]().TypeID()).ok().want("paymentCapture.userErrors.0.code", "PAYMENT_NOT_FOUND")
		w.ask(staff, "paymentCapture", "x").refused("BAD_USER_INPUT")
		w.ask(ada, "paymentCapture", declined).refused("FORBIDDEN")
		w.ask(anonymous, "paymentCapture", declined).refused("UNAUTHENTICATED")
		w.audited(declined)
	})
}

func TestPaymentCaptureInParts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	capture := func(w *world, paymentID string, minor string, more ...any) *answer {
		return w.ask(staff, "paymentCapture", paymentID, append([]any{"amountMinor", minor}, more...)...).ok()
	}
	const sums = `query($id: ID) { order(id: $id) { status captured { amount } payment { status captured { amount } capturable { amount } capturesInParts }
		events(first: 50) { nodes { type ... on PaymentCaptured { paymentId amount { amount } } ... on PaymentConfirmed { amount { amount } } } } } }`
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		orderID, paymentID := w.paid("sim_approve", "MANUAL")
		w.do(ada, sums, vars{"id": orderID}).ok().want("order.payment.capturable.amount", "25.00").want("order.payment.capturesInParts", true)
		capture(w, paymentID, "1000", "expectedVersion", 3).want("paymentCapture.userErrors", []any{})
		capture(w, paymentID, "1000", "expectedVersion", 3).want("paymentCapture.userErrors", []any{}) // it is under way
		capture(w, paymentID, "1001").want("paymentCapture.userErrors.0.code", "NOT_ALLOWED_IN_STATE")
		w.walk(orderID)
		w.do(ada, sums, vars{"id": orderID}).ok().want("order.status", "CREATED").want("order.captured.amount", "10.00").want("order.payment.status", "AUTHORIZED").
			want("order.payment.captured.amount", "10.00").want("order.payment.capturable.amount", "15.00").
			want("order.events.nodes.3.type", "PAYMENT_CAPTURED").want("order.events.nodes.3.amount.amount", "10.00").want("order.events.nodes.3.paymentId", paymentID)
		capture(w, paymentID, "1000", "expectedVersion", 3).want("paymentCapture.userErrors.0.code", "CONFLICT")
		// The rest and 15 % of it, which the provider allows, are 17.25.
		capture(w, paymentID, "1726").want("paymentCapture.userErrors.0.code", "AMOUNT_OUT_OF_RANGE").
			want("paymentCapture.userErrors.0.field", []string{"input", "amountMinor"})
		capture(w, paymentID, "1725").want("paymentCapture.userErrors", []any{})
		w.walk(orderID)
		w.do(ada, sums, vars{"id": orderID}).ok().want("order.status", "CONFIRMED").want("order.captured.amount", "27.25").
			want("order.payment.capturable.amount", "0.00").want("order.events.nodes.4.type", "PAYMENT_CONFIRMED").want("order.events.nodes.4.amount.amount", "27.25")
		w.audited(paymentID, "payment.capture 10.00 EUR", "payment.capture 17.25 EUR")
	})
	t.Run("OKVoidTheRest", func(t *testing.T) {
		w := w.in(t)
		orderID, paymentID := w.paid("sim_approve", "MANUAL")
		capture(w, paymentID, "1000")
		w.walk(orderID)
		w.ask(staff, "paymentVoid", paymentID).ok().want("paymentVoid.userErrors", []any{})
		w.walk(orderID)
		w.do(ada, sums, vars{"id": orderID}).ok().want("order.status", "CONFIRMED").want("order.captured.amount", "10.00").want("order.payment.capturable.amount", "0.00")
		w.history(orderID, upToHold+" PAYMENT_CAPTURED PAYMENT_CONFIRMED")
	})
	t.Run("OKCancel", func(t *testing.T) {
		w := w.in(t)
		orderID, paymentID := w.paid("sim_approve", "MANUAL")
		capture(w, paymentID, "1000")
		w.walk(orderID)
		w.do(ada, cancel, vars{"input": vars{"orderId": orderID}}).ok()
		w.walk(orderID)
		w.do(ada, sums, vars{"id": orderID}).ok().want("order.status", "CANCELLED").want("order.captured.amount", "10.00")
		w.do(ada, one, vars{"id": orderID}).ok().want("order.refunded.amount", "10.00")
	})
	// The last capture of the most that a payment can have must take all that is left.
	t.Run("OKMany", func(t *testing.T) {
		w := w.in(t)
		orderID, paymentID := w.paid("sim_approve", "MANUAL")
		for range payment.MaxCaptures - 1 {
			capture(w, paymentID, "1").want("paymentCapture.userErrors", []any{})
			w.walk(orderID)
		}
		capture(w, paymentID, "1").want("paymentCapture.userErrors.0.code", "TOO_MANY_CAPTURES").want("paymentCapture.userErrors.0.field", []string{"input", "amountMinor"})
		w.ask(staff, "paymentCapture", paymentID).ok().want("paymentCapture.userErrors", []any{})
		w.walk(orderID)
		w.do(ada, sums, vars{"id": orderID}).ok().want("order.status", "CONFIRMED").want("order.captured.amount", "25.00")
	})
	t.Run("Err", func(t *testing.T) {
		w := w.in(t)
		_, paymentID := w.paid("sim_approve", "MANUAL")
		for _, minor := range []string{"0", "-1", "2876", "9223372036854775807"} {
			capture(w, paymentID, minor).want("paymentCapture.userErrors.0.code", "AMOUNT_OUT_OF_RANGE").want("paymentCapture.payment", nil)
		}
		_, confirmed := w.paid("sim_approve")
		capture(w, confirmed, "1").want("paymentCapture.userErrors.0.code", "NOT_ALLOWED_IN_STATE")
	})
}

func TestPaymentVoid(t *testing.T) {
	t.Parallel()
	w := setup(t)
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		orderID, paymentID := w.paid("sim_approve", "MANUAL")
		w.ask(staff, "paymentVoid", paymentID, "expectedVersion", 1).ok().want("paymentVoid.userErrors.0.code", "CONFLICT")
		w.ask(staff, "paymentVoid", paymentID).ok().want("paymentVoid.payment.status", "AUTHORIZED")
		w.ask(staff, "paymentVoid", paymentID, "expectedVersion", 1).ok().want("paymentVoid.userErrors", []any{})
		w.ask(staff, "paymentCapture", paymentID).ok().want("paymentCapture.userErrors.0.code", "NOT_ALLOWED_IN_STATE")
		w.walk(orderID)
		w.ask(staff, "paymentVoid", paymentID).ok().want("paymentVoid.payment.status", "VOIDED").want("paymentVoid.order.status", "CREATED").
			want("paymentVoid.order.availableActions", []string{"CANCEL", "RETRY_PAYMENT"})
		w.history(orderID, upToHold+" PAYMENT_VOIDED")
		w.audited(paymentID, "payment.void")
		if w.do(ada, one, vars{"id": orderID}).ok().at("order.expiresAt") == nil {
			t.Error("the order does not expire")
		}
		w.do(ada, retry, vars{"input": vars{"idempotencyKey": "again", "orderId": orderID, "paymentMethod": vars{"token": "sim_approve"}}}).ok()
		w.walk(orderID)
		w.do(ada, one, vars{"id": orderID}).ok().want("order.payment.status", "AUTHORIZED")
	})
	t.Run("Err", func(t *testing.T) {
		w := w.in(t)
		_, confirmed := w.paid("sim_approve")
		w.ask(staff, "paymentVoid", confirmed).ok().want("paymentVoid.userErrors.0.code", "NOT_ALLOWED_IN_STATE").want("paymentVoid.payment", nil)
		w.ask(staff, "paymentVoid", id.New[id.Payment]().TypeID()).ok().want("paymentVoid.userErrors.0.code", "PAYMENT_NOT_FOUND")
		w.ask(staff, "paymentVoid", id.New[id.Order]().TypeID()).refused("BAD_USER_INPUT")
		w.ask(ada, "paymentVoid", confirmed).refused("FORBIDDEN")
		w.ask(anonymous, "paymentVoid", confirmed).refused("UNAUTHENTICATED")
	})
}

func TestPaymentCompleteAction(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const waits = "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_ACTION_REQUIRED"
	for name, tt := range map[string]struct {
		by             auth.Principal
		outcome, other string
		status, events string
	}{
		"OKApprove": {ada, "APPROVE", "REFUSE", "CONFIRMED", waits + " PAYMENT_PROCESSING PAYMENT_CONFIRMED"},
		"OKRefuse":  {staff, "REFUSE", "APPROVE", "DECLINED", waits + " PAYMENT_PROCESSING PAYMENT_DECLINED"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			orderID, paymentID := w.paid("sim_requires_action")
			w.do(ada, one, vars{"id": orderID}).ok().want("order.availableActions", []string{"CANCEL", "RETRY_PAYMENT", "COMPLETE_ACTION"})
			w.ask(bob, "paymentCompleteAction", paymentID, "outcome", tt.outcome).ok().want("paymentCompleteAction.userErrors.0.code", "PAYMENT_NOT_FOUND")
			// Without an outcome the provider is asked, and the customer has done nothing yet.
			w.ask(ada, "paymentCompleteAction", paymentID).ok().want("paymentCompleteAction.payment.status", "REQUIRES_ACTION")
			w.walk(orderID)
			w.history(orderID, waits)
			w.ask(tt.by, "paymentCompleteAction", paymentID, "outcome", tt.outcome).ok().want("paymentCompleteAction.userErrors", []any{}).
				want("paymentCompleteAction.order.id", orderID)
			w.walk(orderID)
			w.history(orderID, tt.events)
			w.ask(ada, "paymentCompleteAction", paymentID, "outcome", tt.outcome).ok().want("paymentCompleteAction.payment.status", tt.status)
			w.ask(ada, "paymentCompleteAction", paymentID).ok().want("paymentCompleteAction.payment.status", tt.status)
			w.ask(ada, "paymentCompleteAction", paymentID, "outcome", tt.other).ok().want("paymentCompleteAction.userErrors.0.code", "NOT_ALLOWED_IN_STATE")
			if tt.by.Staff() {
				w.audited(paymentID, "payment.completeAction "+tt.outcome)
			} else {
				w.audited(paymentID)
			}
		})
	}
	t.Run("Err", func(t *testing.T) {
		w := w.in(t)
		orderID, plain := w.paid("sim_approve")
		w.ask(ada, "paymentCompleteAction", plain, "outcome", "APPROVE").ok().want("paymentCompleteAction.userErrors.0.code", "NOT_ALLOWED_IN_STATE").
			want("paymentCompleteAction.order", nil).want("paymentCompleteAction.userErrors.0.field", []string{"input", "paymentId"})
		w.ask(ada, "paymentCompleteAction", id.New[id.Payment]().TypeID()).ok().want("paymentCompleteAction.userErrors.0.code", "PAYMENT_NOT_FOUND")
		w.ask(ada, "paymentCompleteAction", orderID).refused("BAD_USER_INPUT")
		w.ask(anonymous, "paymentCompleteAction", plain).refused("UNAUTHENTICATED")
		cancelling, waiting := w.paid("sim_requires_action")
		w.do(ada, cancel, vars{"input": vars{"orderId": cancelling}}).ok()
		w.ask(ada, "paymentCompleteAction", waiting, "outcome", "APPROVE").ok().want("paymentCompleteAction.userErrors.0.code", "NOT_ALLOWED_IN_STATE")
	})
}

func TestPaymentCompleteActionOfARealProvider(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID, paymentID := w.paid("sim_requires_action")
	// A provider whose customers nobody can stand in for.
	w.provider.Actions = nil
	w.resolver.OrderService = order.NewService(w.store, product.NewService(w.store), paymenttest.Registry(t, w.provider), w.policy, order.SystemClock)
	w.ask(ada, "paymentCompleteAction", paymentID, "outcome", "APPROVE").refused("BAD_USER_INPUT")
	w.ask(ada, "paymentCompleteAction", paymentID).ok().want("paymentCompleteAction.payment.status", "REQUIRES_ACTION")
	w.walk(orderID)
	w.do(ada, one, vars{"id": orderID}).ok().want("order.payment.status", "REQUIRES_ACTION")
}

func TestPaymentResolve(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID, paymentID := w.paid("sim_approve")
	resolve := func(resolution, note string, more ...any) *answer {
		t.Helper()
		return w.ask(staff, "paymentResolve", paymentID, append([]any{"resolution", resolution, "note", note}, more...)...)
	}
	w.do(staff, attention, nil).ok().want("attention.nodes", []any{})
	w.setAttention(paymentID, "MISMATCH")
	w.do(staff, one, vars{"id": orderID}).ok().want("order.availableActions", []string{"CANCEL", "DELIVER", "REFUND", "RESOLVE"})
	w.do(ada, one, vars{"id": orderID}).ok().want("order.availableActions", []string{"CANCEL"})

	for code, refused := range map[string]*answer{
		"TEXT_INVALID":         resolve("MARK_CAPTURED", " "),
		"TEXT_TOO_LONG":        resolve("MARK_CAPTURED", strings.Repeat("x", 501)),
		"CARD_NUMBER_REFUSED":  resolve("MARK_CAPTURED", "card 4242 4242 4242 4242"),
		"CONFLICT":             resolve("MARK_CAPTURED", "seen", "expectedVersion", 1),
		"NOT_ALLOWED_IN_STATE": resolve("MARK_NOT_CAPTURED", "seen"),
		"PAYMENT_NOT_FOUND":    w.ask(staff, "paymentResolve", id.New[id.Payment]().TypeID(), "resolution", "RECHECK", "note", ""),
	} {
		refused.ok().want("paymentResolve.userErrors.0.code", code).want("paymentResolve.payment", nil)
	}
	w.ask(ada, "paymentResolve", paymentID, "resolution", "RECHECK", "note", "").refused("FORBIDDEN")
	w.ask(anonymous, "paymentResolve", paymentID, "resolution", "RECHECK", "note", "").refused("UNAUTHENTICATED")
	w.ask(staff, "paymentResolve", "x", "resolution", "RECHECK", "note", "").refused("BAD_USER_INPUT")

	resolve("MARK_CAPTURED", "Seen at the bank.", "expectedVersion", 3).ok().want("paymentResolve.payment.attention", nil)
	resolve("MARK_CAPTURED", "Seen at the bank.", "expectedVersion", 1).ok().want("paymentResolve.userErrors", []any{})
	// The provider agrees with us, so a recheck ends the mismatch too.
	w.setAttention(paymentID, "MISMATCH")
	resolve("RECHECK", "").ok().want("paymentResolve.payment.attention", "MISMATCH")
	w.walk(orderID)
	w.do(staff, one, vars{"id": orderID}).ok().want("order.payment.attention", nil)
	w.audited(paymentID, "payment.resolve MARK_CAPTURED: Seen at the bank.", "payment.resolve RECHECK")
}

const attention = `query($first: Int, $after: String) { attention(first: $first, after: $after) {
	edges { cursor node { id } } nodes { id attention order { number payment { id } } attempts { operation } } pageInfo { hasNextPage hasPreviousPage endCursor } } }`

func TestAttention(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var waiting []string
	for i := range 5 {
		_, paymentID := w.paid("sim_approve")
		if i != 2 {
			w.setAttention(paymentID, "UNKNOWN_OUTCOME")
			waiting = append(waiting, paymentID)
		}
	}
	var got []string
	after := any(nil)
	for range 4 {
		var a *answer
		if n := w.counter.during(func() { a = w.do(staff, attention, vars{"first": 2, "after": after}).ok() }); n != 2 {
			t.Errorf("a page took %d statements, want 2", n)
		}
		for i := range a.at("attention.nodes").([]any) {
			node := fmt.Sprintf("attention.nodes.%d.", i)
			got = append(got, a.text(node+"id"))
			a.want(node+"attention", "UNKNOWN_OUTCOME").want(node+"order.payment.id", a.text(node+"id")).want(node+"attempts.0.operation", "AUTHORIZE")
		}
		if a.at("attention.pageInfo.hasNextPage") == false {
			break
		}
		after = a.text("attention.pageInfo.endCursor")
	}
	if !slices.Equal(got, waiting) {
		t.Errorf("got %v, want %v", got, waiting)
	}
	w.do(ada, attention, nil).refused("FORBIDDEN")
	w.do(anonymous, attention, nil).refused("UNAUTHENTICATED")
	w.do(staff, `{ attention(first: 101) { nodes { id } } }`, nil).refused("BAD_USER_INPUT")
	w.do(staff, attention, vars{"after": "x"}).refused("INVALID_CURSOR")
}

func TestPaymentsRecheck(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var orders, payments []string
	for _, why := range []string{"MISMATCH", "UNKNOWN_OUTCOME", "MISMATCH"} {
		orderID, paymentID := w.paid("sim_approve")
		w.setAttention(paymentID, why)
		orders, payments = append(orders, orderID), append(payments, paymentID)
	}
	const document = `mutation($input: PaymentsRecheckInput!) { paymentsRecheck(input: $input) { rechecked nextCursor } }`
	recheck := func(input vars) *answer {
		t.Helper()
		return w.do(staff, document, vars{"input": input})
	}
	recheck(vars{"attention": "PROVIDER_DOWN"}).ok().want("paymentsRecheck", vars{"rechecked": 0, "nextCursor": nil})
	recheck(vars{"attention": "UNKNOWN_OUTCOME"}).ok().want("paymentsRecheck.rechecked", 1)
	recheck(vars{}).ok().want("paymentsRecheck", vars{"rechecked": 3, "nextCursor": nil})
	second := w.do(staff, attention, vars{"first": 2}).ok().text("attention.edges.1.cursor")
	recheck(vars{"after": second}).ok().want("paymentsRecheck.rechecked", 1)

	recheck(vars{"after": "x"}).refused("INVALID_CURSOR")
	recheck(vars{"attention": "mismatch"}).refused("BAD_USER_INPUT")
	w.do(ada, document, vars{"input": vars{}}).refused("FORBIDDEN")
	w.do(anonymous, document, vars{"input": vars{}}).refused("UNAUTHENTICATED")

	// The provider agrees with us, so the answer ends the mismatch.
	for i, orderID := range []string{orders[0], orders[2]} {
		w.do(staff, one, vars{"id": orderID}).ok().want("order.payment.attention", "MISMATCH")
		w.walk(orderID)
		w.do(staff, one, vars{"id": orderID}).ok().want("order.payment.attention", nil)
		entry := "payment.resolve RECHECK, with others"
		w.audited(payments[2*i], [][]string{{entry}, {entry, entry}}[i]...)
	}
}
