package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

func TestEnsurePartitions(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db, nil)
	now := time.Now().UTC()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := postgres.EnsurePartitions(t.Context(), db, now); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// At the turn of a year, and again.
	for range 2 {
		if err := postgres.EnsurePartitions(t.Context(), db, time.Date(2031, 12, 31, 23, 59, 59, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
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
