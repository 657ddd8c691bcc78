package graph_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
)

const reconciliation = `query($first: Int, $after: String) { reconciliation(first: $first, after: $after) {
	nodes { payment { id attention order { number } } expected { amount currency } atProvider { amountMinor currency } detectedAt resolvedAt }
	edges { cursor node { payment { id } } } pageInfo { hasNextPage hasPreviousPage endCursor } } }`

// differs makes the provider have given back some of a payment without us, as the reconciler keeps it.
func (w *world) differs(orderID, paymentID string, back int, resolved bool) {
	w.t.Helper()
	orderKey, err := id.Parse[id.Order](orderID)
	if err != nil {
		w.t.Fatal(err)
	}
	paymentKey, err := id.Parse[id.Payment](paymentID)
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.db.ExecContext(w.t.Context(), `
		INSERT INTO reconciliation_differences (id, order_id, payment_id, currency, captured_minor, refunded_minor,
			their_captured_minor, their_refunded_minor, resolved_at)
		SELECT $1, $2, p.id, p.currency, p.captured_minor, p.refunded_minor, p.captured_minor, $4, CASE WHEN $5 THEN now() END
		FROM payments p WHERE p.id = $3`, id.New[uuid.UUID](), orderKey, paymentKey, back, resolved)
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestReconciliation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do(staff, reconciliation, nil).ok().want("reconciliation.nodes", []any{}).want("reconciliation.pageInfo.endCursor", nil)
	mug := w.product("mug", 1800, "EUR")
	var payments []string
	for i := range 5 {
		orderID := w.order(ada, mug, "sim_approve")
		w.walk(orderID)
		paymentID := w.do(staff, `query($id: ID!) { order(id: $id) { payment { id } } }`, vars{"id": orderID}).ok().text("order.payment.id")
		w.differs(orderID, paymentID, 100*i, i == 0)
		payments = append(payments, paymentID)
	}
	slices.Reverse(payments)

	var got []string
	var after any
	for {
		var a *answer
		if n := w.counter.during(func() { a = w.do(staff, reconciliation, vars{"first": 2, "after": after}).ok() }); n != 2 {
			t.Errorf("a page took %d statements, want 2", n)
		}
		for i := range a.at("reconciliation.nodes").([]any) {
			node := fmt.Sprintf("reconciliation.nodes.%d.", i)
			a.want(node+"expected.amount", "36.00").want(node+"expected.currency", "EUR").want(node+"atProvider.currency", "EUR")
			a.want(node+"atProvider.amountMinor", fmt.Sprint(3600-100*(4-len(got))))
			if resolved := a.at(node+"resolvedAt") != nil; resolved != (len(got) == 4) {
				t.Errorf("%d: resolved %v", len(got), resolved)
			}
			got = append(got, a.text(node+"payment.id"))
		}
		if a.at("reconciliation.pageInfo.hasNextPage") == false {
			break
		}
		after = a.at("reconciliation.pageInfo.endCursor")
	}
	if !slices.Equal(got, payments) {
		t.Errorf("got %v, want the newest first: %v", got, payments)
	}
	t.Run("ErrCustomer", func(t *testing.T) { w.in(t).do(ada, reconciliation, nil).refused("FORBIDDEN") })
	t.Run("ErrAnonymous", func(t *testing.T) { w.in(t).do(anonymous, reconciliation, nil).refused("UNAUTHENTICATED") })
	t.Run("ErrCursor", func(t *testing.T) {
		w.in(t).do(staff, reconciliation, vars{"after": "bm90aGluZw"}).refused("INVALID_CURSOR")
	})
	t.Run("ErrFirst", func(t *testing.T) { w.in(t).do(staff, reconciliation, vars{"first": 101}).refused("BAD_USER_INPUT") })
}
