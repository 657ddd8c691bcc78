package graph_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
)

const orphans = `query($first: Int, $after: String, $all: Boolean! = false) { orphanedCharges(first: $first, after: $after, includeResolved: $all) {
	nodes { provider reference orderId paymentId amount { amount currency } captured { amountMinor } refunded { amountMinor } status chargedAt detectedAt resolvedAt }
	edges { cursor node { reference } } pageInfo { hasNextPage hasPreviousPage endCursor } } }`

// orphan makes the provider have a charge that nothing here knows, as the walker keeps it.
func (w *world) orphan(reference string, resolved bool) {
	w.t.Helper()
	_, err := w.db.ExecContext(w.t.Context(), `
		INSERT INTO orphaned_charges (id, provider, reference, order_id, payment_id, currency, amount_minor, captured_minor, refunded_minor,
			status, charged_at, detected_at, resolved_at)
		VALUES ($1, 'simulated', $2, gen_random_uuid(), gen_random_uuid(), 'EUR', 1800, 1800, CASE WHEN $3 THEN 1800 ELSE 300 END,
			CASE WHEN $3 THEN 'REFUNDED' ELSE 'CAPTURED' END, now(), now(), CASE WHEN $3 THEN now() END)`, id.New[uuid.UUID](), reference, resolved)
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestOrphanedCharges(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do(staff, orphans, nil).ok().want("orphanedCharges.nodes", []any{}).want("orphanedCharges.pageInfo.endCursor", nil)
	for i := range 5 {
		w.orphan(fmt.Sprintf("ch_%d", i), i == 2)
	}
	// One without money is no finding.
	if _, err := w.db.ExecContext(t.Context(), `
		INSERT INTO orphaned_charges (id, provider, reference, order_id, payment_id, currency, amount_minor, captured_minor, refunded_minor, status, charged_at)
		VALUES ($1, 'simulated', 'ch_pending', gen_random_uuid(), gen_random_uuid(), 'EUR', 1, 0, 0, 'PENDING', now())`, id.New[uuid.UUID]()); err != nil {
		t.Fatal(err)
	}
	for all, want := range map[bool][]string{false: {"ch_4", "ch_3", "ch_1", "ch_0"}, true: {"ch_4", "ch_3", "ch_2", "ch_1", "ch_0"}} {
		var got []string
		for after := any(nil); ; {
			var a *answer
			if n := w.counter.during(func() { a = w.do(staff, orphans, vars{"first": 2, "after": after, "all": all}).ok() }); n != 1 {
				t.Errorf("a page took %d statements, want 1", n)
			}
			for i := range a.at("orphanedCharges.nodes").([]any) {
				got = append(got, a.text(fmt.Sprintf("orphanedCharges.nodes.%d.reference", i)))
			}
			if a.at("orphanedCharges.pageInfo.hasNextPage") == false {
				break
			}
			after = a.at("orphanedCharges.pageInfo.endCursor")
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	newest := w.do(staff, orphans, vars{"first": 1}).ok()
	node := "orphanedCharges.nodes.0."
	newest.want(node+"provider", "simulated").want(node+"status", "CAPTURED").want(node+"amount.amount", "18.00").
		want(node+"amount.currency", "EUR").want(node+"captured.amountMinor", "1800").want(node+"refunded.amountMinor", "300").want(node+"resolvedAt", nil)
	if _, err := id.Parse[id.Order](newest.text(node + "orderId")); err != nil {
		t.Error(err)
	}
	if _, err := id.Parse[id.Payment](newest.text(node + "paymentId")); err != nil {
		t.Error(err)
	}
	t.Run("ErrCustomer", func(t *testing.T) { w.in(t).do(ada, orphans, nil).refused("FORBIDDEN") })
	t.Run("ErrAnonymous", func(t *testing.T) { w.in(t).do(anonymous, orphans, nil).refused("UNAUTHENTICATED") })
	t.Run("ErrCursor", func(t *testing.T) {
		w.in(t).do(staff, orphans, vars{"after": "bm90aGluZw"}).refused("INVALID_CURSOR")
	})
	t.Run("ErrFirst", func(t *testing.T) { w.in(t).do(staff, orphans, vars{"first": 101}).refused("BAD_USER_INPUT") })
}
