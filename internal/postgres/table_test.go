package postgres_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// filledBySQL are the columns that no table has: the database or a statement has their values.
var filledBySQL = map[string]string{
	"orders.revision":              "counts the saves",
	"payments.customer_id":         "the order's",
	"refunds.customer_id":          "the order's",
	"payment_attempts.customer_id": "the order's",
	"order_events.customer_id":     "the order's",
	"order_events.log_epoch":       "event_log's",
	"order_events.xid":             "the transaction's",
	"idempotency_keys.created_at":  "the time of the transaction",
}

// TestTables compares the tables with the database as the migrations make it: each column is in exactly one, with its type.
func TestTables(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	want := map[string]string{}
	names := map[string]bool{}
	for _, c := range postgres.Columns() {
		names[c.Table] = true
		name := c.Table + "." + c.Name
		if want[name] != "" {
			t.Errorf("%s is there twice", name)
		}
		want[name] = c.Type
	}
	var rows []struct {
		Name string `db:"name"`
		Type string `db:"data_type"`
	}
	err := db.SelectContext(t.Context(), &rows, `
		SELECT table_name || '.' || column_name AS name, data_type FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = ANY($1)`, pq.StringArray(slices.Collect(maps.Keys(names))))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range rows {
		if filledBySQL[row.Name] == "" {
			got[row.Name] = row.Type
		} else if want[row.Name] != "" {
			t.Errorf("%s is in a table and in filledBySQL", row.Name)
		}
	}
	for name, is := range got {
		if want[name] != is {
			t.Errorf("%s is %s in the database and %q in its table", name, is, want[name])
		}
	}
	for name := range want {
		if got[name] == "" {
			t.Errorf("%s is in a table and not in the database", name)
		}
	}
}

// TestStatements has PostgreSQL look at the SQL files without their parts, with each of them, and with all.
func TestStatements(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	for _, text := range postgres.StatementTexts() {
		stmt, err := db.API.PrepareContext(t.Context(), text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		defer func() { _ = stmt.Close() }()
	}
}

// TestCreatedRows: the columns that are not sent, because all new rows have the same value, have the value of a new order.
func TestCreatedRows(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	want := create(t, store, ada)
	got, err := store.Order(t.Context(), ada, want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Head, want.Head) || !reflect.DeepEqual(got.State, want.State) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", got.Head, got.State, want.Head, want.State)
	}
	events, err := postgres.NewLog(db.API).Events(t.Context(), ada, want.ID, 0, 10)
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events: %v", len(events), err)
	}
	logged, recorded := events[0], want.Events()[0]
	if !reflect.DeepEqual(logged.Order.Document(), recorded.Order.Document()) {
		t.Errorf("got  %+v\nwant %+v", logged.Order.Document(), recorded.Order.Document())
	}
	logged.Order, recorded.Order = nil, nil
	if !reflect.DeepEqual(logged, recorded) {
		t.Errorf("got  %+v\nwant %+v", logged, recorded)
	}
}
