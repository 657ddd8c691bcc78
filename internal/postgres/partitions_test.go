package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

func TestEnsurePartitions(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	now := time.Now().UTC()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := postgres.EnsurePartitions(t.Context(), db.Owner, now); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// At the turn of a year, and again.
	for range 2 {
		if err := postgres.EnsurePartitions(t.Context(), db.Owner, time.Date(2031, 12, 31, 23, 59, 59, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
	}
	// An order whose month has no partition goes to the default one, and its month stays there.
	old := newOrder(ada)
	old.ID = id.Order(uuid.MustParse("01893f3c-0000-7000-8000-00000000002a"))
	if _, err := store.CreateOrder(t.Context(), ada, old, key("old", 1)); err != nil {
		t.Fatal(err)
	}
	if err := postgres.EnsurePartitions(t.Context(), db.Owner, time.Date(2023, 7, 10, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	o := create(t, store, ada)
	var partition string
	if err := db.GetContext(t.Context(), &partition, `SELECT tableoid::regclass::text FROM order_events WHERE order_id = $1`, o.ID); err != nil {
		t.Fatal(err)
	}
	if want := "order_events_" + now.Format("2006_01"); partition != want {
		t.Errorf("the event is in %s, want %s", partition, want)
	}
	for _, name := range []string{"order_events_2031_12", "order_events_2032_01", "order_events_2032_02"} {
		if _, err := db.ExecContext(t.Context(), `SELECT FROM `+name); err != nil {
			t.Error(err)
		}
	}
}
