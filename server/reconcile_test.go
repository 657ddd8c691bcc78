package main

import (
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// Money that moves at the provider without us is shown to staff and counted until it is put right there.
func TestReconciler(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	app := startApp(t, url, "ADMIN_ADDR=127.0.0.1:0", "RECONCILE_INTERVAL=50ms", "RECONCILE_RATE=1000")
	db := postgrestest.Connect(t, url).DB
	ada, sue := signedIn(t, app.URL(), "ada", "CUSTOMER"), signedIn(t, app.URL(), "sue", "STAFF")
	orderID := ada.order(t, "sim_approve")
	untilDelivered(t, watchOrder(app.URL(), ada.token, orderID), orderID)

	key, err := id.Parse[id.Order](orderID)
	if err != nil {
		t.Fatal(err)
	}
	move := func(refunded int) {
		if _, err := db.ExecContext(t.Context(), `UPDATE simulated.charges SET refunded = $2 WHERE order_id = $1`, key, refunded); err != nil {
			t.Fatal(err)
		}
	}
	type entry struct {
		Payment struct {
			Attention *string
			Order     struct{ ID string }
		}
		Expected, AtProvider struct{ Amount string }
		ResolvedAt           *string
	}
	entries := func() []entry {
		var data struct{ Reconciliation struct{ Nodes []entry } }
		err := sue.graphql(t.Context(), `{ reconciliation { nodes {
			payment { attention order { id } } expected { amount } atProvider { amount } resolvedAt } } }`, nil, &data)
		if err != nil {
			t.Fatal(err)
		}
		return data.Reconciliation.Nodes
	}

	move(1)
	await(t.Context(), t, func() bool {
		found := entries()
		return len(found) == 1 && found[0].Payment.Order.ID == orderID && found[0].Payment.Attention != nil &&
			*found[0].Payment.Attention == "MISMATCH" && found[0].Expected != found[0].AtProvider && found[0].ResolvedAt == nil
	})
	await(t.Context(), t, func() bool { return strings.Contains(metrics(t, app), "orderwire_reconciliation_differences 1\n") })
	move(0)
	await(t.Context(), t, func() bool {
		found := entries()
		return len(found) == 1 && found[0].ResolvedAt != nil && found[0].Payment.Attention == nil
	})
	await(t.Context(), t, func() bool { return strings.Contains(metrics(t, app), "orderwire_reconciliation_differences 0\n") })
}
