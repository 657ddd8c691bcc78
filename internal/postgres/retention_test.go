package postgres_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

const month = 30 * 24 * time.Hour

// later moves the past of the feed back by d, as if that much time had gone by.
func later(t *testing.T, db *postgrestest.DB, d time.Duration) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), `UPDATE feed_partitions SET opened_at = opened_at - make_interval(secs => $1)`, d.Seconds()); err != nil {
		t.Fatal(err)
	}
}

func prune(t *testing.T, db *postgrestest.DB) postgres.Pruned {
	t.Helper()
	done, err := postgres.Prune(t.Context(), db.Owner, month)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func positions(t *testing.T, db *postgrestest.DB) (found []int64) {
	t.Helper()
	if err := db.SelectContext(t.Context(), &found, `SELECT position FROM feed ORDER BY position`); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestPruneFeed(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	s := sequencer(t, db, longLease)
	take(t, s, true)
	if got := prune(t, db); got != (postgres.Pruned{}) {
		t.Errorf("an empty log: %+v", got)
	}
	later(t, db, 2*month)
	if got := prune(t, db); got != (postgres.Pruned{}) {
		t.Errorf("an old partition without rows: %+v", got)
	}
	e := place(t, db)
	assignAll(t, s)
	if got := prune(t, db); got != (postgres.Pruned{Opened: true}) {
		t.Errorf("the first row: %+v, want a new partition and nothing dropped: the row is of today", got)
	}
	advance(t, db, e.Order.Head)
	assignAll(t, s)
	if got := prune(t, db); got != (postgres.Pruned{}) {
		t.Errorf("a new partition with a row: %+v", got)
	}
	later(t, db, 2*24*time.Hour)
	if got := prune(t, db); got != (postgres.Pruned{Opened: true}) {
		t.Errorf("two days later: %+v, want a new partition", got)
	}
	advance(t, db, e.Order.Head)
	assignAll(t, s)
	later(t, db, month-24*time.Hour)
	if got := prune(t, db); got != (postgres.Pruned{Opened: true, FeedPartitions: 1}) {
		t.Errorf("after the first row's time: %+v, want its partition dropped", got)
	}
	if got := positions(t, db); len(got) != 2 || got[0] != 2 {
		t.Errorf("positions %v are left, want 2 and 3", got)
	}
	extent, err := postgres.NewLog(db.API).Extent(t.Context(), 0)
	if err != nil || extent.First != 2 || extent.Last.Position != 3 {
		t.Errorf("extent %+v, error %v", extent, err)
	}
	later(t, db, 2*month)
	if got := prune(t, db); got != (postgres.Pruned{FeedPartitions: 2}) {
		t.Errorf("after everything's time: %+v", got)
	}
	extent, err = postgres.NewLog(db.API).Extent(t.Context(), 0)
	if err != nil || extent.First != 4 || extent.Last.Position != 3 {
		t.Errorf("extent %+v, error %v; want none, next is 4", extent, err)
	}
	advance(t, db, e.Order.Head)
	assignAll(t, s)
	if got := positions(t, db); len(got) != 1 || got[0] != 4 {
		t.Errorf("positions %v, want 4: what has left is not placed again", got)
	}
	if n := count(t, db, "order_events"); n != 4 {
		t.Errorf("%d events are left of an order that is not final, want 4", n)
	}
}

// Every partition of the feed refuses changes by itself, however it came to be.
func TestFeedPartitionsAreAppendOnly(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	s := sequencer(t, db, longLease)
	take(t, s, true)
	for range 2 {
		place(t, db)
		assignAll(t, s)
		later(t, db, 2*24*time.Hour)
		prune(t, db)
	}
	place(t, db)
	assignAll(t, s)
	for _, table := range []string{"feed", "feed_1", "feed_2", "feed_3"} {
		for _, statement := range []string{`UPDATE ` + table + ` SET version = 2`, `DELETE FROM ` + table, `TRUNCATE ` + table} {
			if _, err := db.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	}
	_, err := db.ExecContext(t.Context(), `INSERT INTO feed SELECT position + 1, order_id, version, customer_id FROM feed WHERE position = 3`)
	if err == nil || !strings.Contains(err.Error(), "feed_3_order_id_version_key") {
		t.Errorf("an event with two positions in a partition: %v", err)
	}
}

// Partitions are opened and dropped under load, by two replicas at once: the feed has every position still, in order.
func TestPruneUnderWriters(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	s := sequencer(t, db, longLease)
	take(t, s, true)
	e := place(t, db)
	ctx, stop := context.WithCancel(t.Context())
	var pruners sync.WaitGroup
	var opened [2]int
	for i := range opened {
		pruners.Go(func() {
			for ctx.Err() == nil {
				done, err := postgres.Prune(ctx, db.Owner, time.Hour)
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				if done.Opened {
					opened[i]++
				}
			}
		})
	}
	// At least 60 rounds, and as many as the pruners need on a busy machine to drop the first partition.
	last, patience := int64(1), time.Now().Add(eventually.Patience)
	for last <= 60 || positions(t, db)[0] == 1 && time.Now().Before(patience) {
		advance(t, db, e.Order.Head)
		last++
		assign(t, s)
		later(t, db, 3*time.Minute)
	}
	stop()
	pruners.Wait()
	assignAll(t, s)
	got := positions(t, db)
	for i, p := range got {
		if p != got[0]+int64(i) {
			t.Fatalf("positions %v have a gap", got)
		}
	}
	if len(got) == 0 || got[len(got)-1] != last || got[0] == 1 || opened[0]+opened[1] == 0 {
		t.Errorf("positions %v, %d partitions opened; want the last to be %d and the first to have left", got, opened, last)
	}
	stray := count(t, db, `pg_inherits WHERE inhparent = 'feed'::regclass`) - count(t, db, "feed_partitions")
	if stray != 0 {
		t.Errorf("%d partitions that nobody knows", stray)
	}
}

// placeIn places an order as of a month long ago, in a partition of its own.
func placeIn(t *testing.T, db *postgrestest.DB, store *postgres.Store, day time.Time, n int) *order.Order {
	t.Helper()
	if err := postgres.EnsurePartitions(t.Context(), db.Owner, day); err != nil {
		t.Fatal(err)
	}
	o := newOrder(ada)
	o.ID = id.Order(postgres.FirstID(day))
	o.ID[15] = byte(n)
	for i := range o.Payments {
		o.Payments[i].OrderID = o.ID
	}
	if _, err := store.CreateOrder(t.Context(), ada, o, key(o.ID.String(), 1)); err != nil {
		t.Fatal(err)
	}
	return o
}

// finish makes an order final, with its last event at a time.
func finish(t *testing.T, db *postgrestest.DB, orderID id.Order, at time.Time) {
	t.Helper()
	for _, statement := range []string{
		`ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`,
		`UPDATE order_events SET occurred_at = '` + at.Format(time.RFC3339) + `' WHERE order_id = '` + orderID.String() + `'`,
		`ALTER TABLE order_events ENABLE TRIGGER order_events_append_only`,
		`DELETE FROM order_work WHERE order_id = '` + orderID.String() + `'`,
		`UPDATE orders SET status = 'CANCELLED', cancel_reason = 'STAFF', expires_at = NULL WHERE id = '` + orderID.String() + `'`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(statement, err)
		}
	}
}

func TestPruneOrders(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	s := sequencer(t, db, longLease)
	take(t, s, true)
	day := time.Date(2024, 5, 20, 0, 0, 0, 0, time.UTC)
	over, open, recent := placeIn(t, db, store, day, 1), placeIn(t, db, store, day.AddDate(0, 1, 0), 2), placeIn(t, db, store, day.AddDate(0, 2, 0), 3)
	pending := placeIn(t, db, store, day.AddDate(0, 3, 0), 4)
	finish(t, db, over.ID, day)
	finish(t, db, recent.ID, time.Now())
	finish(t, db, pending.ID, day)
	if _, err := db.ExecContext(t.Context(), `INSERT INTO order_work (order_id, customer_id, due_at) SELECT id, customer_id, now() FROM orders WHERE id = $1`, pending.ID); err != nil {
		t.Fatal(err)
	}
	assignAll(t, s)
	prune(t, db)
	if n := count(t, db, "order_events"); n != 4 {
		t.Errorf("%d events are left while the feed refers to all of 4", n)
	}
	later(t, db, 2*month)
	prune(t, db)
	later(t, db, 2*month)
	if got := prune(t, db); got.FeedPartitions != 1 || got.OrderPartitions == 0 {
		t.Errorf("%+v, want the feed's partition dropped, and the months that are over", got)
	}
	for o, want := range map[*order.Order]int{over: 0, open: 1, recent: 1, pending: 1} {
		if n := count(t, db, `order_events WHERE order_id = '`+o.ID.String()+`'`); n != want {
			t.Errorf("order %s has %d events, want %d", o.ID, n, want)
		}
	}
	// The order is there still, its list of events is empty.
	pages, err := store.EventPages(t.Context(), ada, []order.EventPageRequest{{OrderID: over.ID, Limit: 10}})
	if err != nil || len(pages) != 0 {
		t.Errorf("events %v, error %v", pages, err)
	}
	if o, err := postgres.NewLog(db.API).Order(t.Context(), ada, over.ID, 0); err != nil || o.Order.Version != 1 {
		t.Errorf("order %+v, error %v", o, err)
	}
	// An order whose month has left can have events still, such as a late refund's.
	advance(t, db, over.Head)
	assignAll(t, s)
	if err := postgres.EnsurePartitions(t.Context(), db.Owner, time.Now()); err != nil {
		t.Error(err)
	}
	if n := count(t, db, "feed"); n != 1 {
		t.Errorf("%d rows in the feed, want the late event alone", n)
	}
}

// What cannot have its lock is left for the next time.
func TestPruneDoesNotWait(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	s := sequencer(t, db, longLease)
	take(t, s, true)
	place(t, db)
	assignAll(t, s)
	later(t, db, month)
	reader := begin(t, db)
	if _, err := reader.ExecContext(t.Context(), `SELECT FROM feed`); err != nil {
		t.Fatal(err)
	}
	if got := prune(t, db); got != (postgres.Pruned{Busy: true}) {
		t.Errorf("%+v, want only to be told that the feed is busy", got)
	}
	place(t, db)
	assignAll(t, s)
	commit(t, reader)
	if got := prune(t, db); !got.Opened || got.Busy {
		t.Errorf("%+v, want a new partition", got)
	}
}
