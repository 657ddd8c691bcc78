package main

import (
	"testing"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// The running server drops what EVENT_RETENTION lets go.
func TestRetention(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	app := startApp(t, url, "EVENT_RETENTION=1m")
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	orderID := ada.order(t, "sim_approve")
	if items := untilDelivered(t, watchOrder(app.URL(), ada.token, orderID), orderID); len(items) == 0 {
		t.Fatal("no items")
	}
	db := postgrestest.Connect(t, url).DB
	rows := func() (n int) {
		if err := db.GetContext(t.Context(), &n, `SELECT count(*) FROM feed`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	await(t.Context(), t, func() bool { return rows() == len(walk) })
	await(t.Context(), t, func() bool {
		if _, err := db.ExecContext(t.Context(), `UPDATE feed_partitions SET opened_at = opened_at - interval '1 hour'`); err != nil {
			t.Fatal(err)
		}
		return rows() == 0
	})
	// The order is younger than its month, so its own log is there.
	var data struct {
		Order struct {
			Version int
			Events  struct{ Nodes []struct{ ID string } }
		}
	}
	if err := ada.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { version events { nodes { id } } } }`, map[string]any{"id": orderID}, &data); err != nil {
		t.Fatal(err)
	}
	if data.Order.Version != len(walk) || len(data.Order.Events.Nodes) != len(walk) {
		t.Errorf("%+v, want %d events", data, len(walk))
	}
}
