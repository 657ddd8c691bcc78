package postgres_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// A database from before the feed had partitions keeps its feed, and the sequencer continues at its position.
func TestMigrateFeed(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t, pgtest.Template{Name: "spine-" + postgres.Fingerprint(), Migrate: func(ctx context.Context, url string) error {
		db, err := postgres.Open(ctx, url, postgres.AsLogin, 2)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		return postgres.MigrateTo(ctx, db.DB, 1)
	}})
	db := postgrestest.Connect(t, url)
	e := place(t, db)
	if _, err := db.ExecContext(t.Context(), `INSERT INTO feed (position, order_id, version, customer_id) SELECT 1, order_id, version, customer_id FROM order_events`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE event_log SET position = 1, seen = pg_current_snapshot()`); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.Context(), db.URL); err != nil {
		t.Fatal(err)
	}
	s := sequencer(t, db, longLease)
	take(t, s, true)
	advance(t, db, e.Order.Head)
	assignAll(t, s)
	checkFeed(t, db)
	if got := positions(t, db); !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("positions %v, want 1 and 2", got)
	}
	later(t, db, 2*month)
	prune(t, db)
	later(t, db, 2*month)
	if got := prune(t, db); got.FeedPartitions != 1 || len(positions(t, db)) != 0 {
		t.Errorf("%+v, and positions %v are left", got, positions(t, db))
	}
}

// A month that gets an event between the look and the lock stays: here its transaction is still running at the look.
func TestPruneKeepsAMonthThatRevives(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	day := time.Date(2024, 5, 20, 0, 0, 0, 0, time.UTC)
	o := placeIn(t, db, store, day, 1)
	finish(t, db, o.ID, day)
	late := begin(t, db)
	e := advance(t, late, o.Head)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for busy := true; busy; { // it waits for the lock only for moments, which may pass unseen here
			pruned, err := postgres.Prune(t.Context(), db.Owner, month)
			if err != nil {
				t.Error(err)
			}
			busy = pruned.Busy && err == nil
		}
	}()
	for waiting := 0; waiting == 0; {
		select {
		case <-done:
			t.Fatal("the month was pruned while a transaction was writing to it")
		default:
		}
		waiting = count(t, db, `pg_locks JOIN pg_database d ON d.oid = database
			WHERE datname = current_database() AND relation = 'order_events'::regclass AND NOT granted`)
	}
	commit(t, late)
	<-done
	pages, err := store.EventPages(t.Context(), ada, []order.EventPageRequest{{OrderID: o.ID, Limit: 10}})
	if err != nil {
		t.Fatal(err)
	}
	for _, events := range pages {
		if len(events) == 2 && events[1].ID == e.ID {
			return
		}
	}
	t.Errorf("events %v are left, want both", pages)
}
