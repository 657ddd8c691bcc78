package postgres_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/event/eventtest"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// longLease outlives every test.
const longLease = time.Hour

func sequencer(t *testing.T, db *postgrestest.DB, lease time.Duration) *postgres.Sequencer {
	t.Helper()
	return postgres.NewSequencer(db.Worker, uuid.NewString(), lease)
}

func take(t *testing.T, s *postgres.Sequencer, want bool) {
	t.Helper()
	held, err := s.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if held != want {
		t.Fatalf("Take() = %v, want %v", held, want)
	}
}

func assign(t *testing.T, s *postgres.Sequencer) event.Assigned {
	t.Helper()
	assigned, err := s.Assign(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return assigned
}

func assignAll(t *testing.T, s *postgres.Sequencer) {
	t.Helper()
	for more := true; more; {
		more = assign(t, s).More
	}
}

func begin(t *testing.T, db *postgrestest.DB) *sqlx.Tx {
	t.Helper()
	tx, err := db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func commit(t *testing.T, tx *sqlx.Tx) {
	t.Helper()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func place(t *testing.T, db sqlx.ExtContext) order.Event {
	t.Helper()
	e, err := eventtest.Place(t.Context(), db, ada.CustomerID)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func advance(t *testing.T, db sqlx.ExtContext, head *order.Head) order.Event {
	t.Helper()
	e, err := eventtest.Advance(t.Context(), db, head)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// feedRow is a row of the feed.
type feedRow struct {
	Position int64    `db:"position"`
	OrderID  id.Order `db:"order_id"`
	Version  int      `db:"version"`
}

// checkFeed fails unless the feed has each event once, positions without gap, and each order's versions in order.
func checkFeed(t *testing.T, db *postgrestest.DB) []feedRow {
	t.Helper()
	var rows []feedRow
	if err := db.SelectContext(t.Context(), &rows, `SELECT position, order_id, version FROM feed ORDER BY position`); err != nil {
		t.Fatal(err)
	}
	if events := count(t, db, "order_events"); events != len(rows) {
		t.Errorf("%d events have %d positions", events, len(rows))
	}
	last := map[id.Order]int{}
	for i, r := range rows {
		if r.Position != int64(i+1) {
			t.Fatalf("row %d has position %d", i+1, r.Position)
		}
		if last[r.OrderID]+1 != r.Version {
			t.Fatalf("position %d: version %d of an order follows version %d", r.Position, r.Version, last[r.OrderID])
		}
		last[r.OrderID] = r.Version
	}
	checkMarks(t, db)
	return rows
}

// checkMarks checks that each mark, and the log's own, is the first one exclusive-or the hashes of all events up to it. A log
// that began before there were marks has no first one.
func checkMarks(t *testing.T, db *postgrestest.DB) {
	t.Helper()
	var wrong int
	err := db.GetContext(t.Context(), &wrong, `
		WITH want AS (
			SELECT f.position, f.mark, p.mark_before # bit_xor(uuid_hash_extended(e.id, 0)) OVER (ORDER BY f.position) AS want
			FROM feed f JOIN order_events e ON e.order_id = f.order_id AND e.version = f.version, feed_partitions p WHERE p.number = 1
		)
		SELECT count(*) FROM (
			SELECT mark, want FROM want
			UNION ALL SELECT l.mark, w.want FROM event_log l JOIN want w ON w.position = l.position
		) all_marks WHERE want IS NOT NULL AND mark IS DISTINCT FROM want`)
	if err != nil || wrong != 0 {
		t.Errorf("%d marks are wrong, %v", wrong, err)
	}
}

func TestSequencerAssign(t *testing.T) {
	t.Parallel()

	t.Run("OKNothing", func(t *testing.T) {
		t.Parallel()
		s := sequencer(t, postgrestest.Open(t), longLease)
		take(t, s, true)
		if got := assign(t, s); got != (event.Assigned{}) {
			t.Errorf("an empty log gives %+v", got)
		}
	})

	t.Run("OKTransactionThatCommitsLate", func(t *testing.T) {
		t.Parallel()
		db := postgrestest.Open(t)
		s := sequencer(t, db, longLease)
		take(t, s, true)
		early := begin(t, db)
		first := place(t, early)
		place(t, db)
		if got := assign(t, s); got.Count != 1 {
			t.Fatalf("%d assigned while one transaction is open, want 1", got.Count)
		}
		place(t, db)
		if got := assign(t, s); got.Count != 1 {
			t.Fatalf("%d assigned while one transaction is open, want 1", got.Count)
		}
		commit(t, early)
		if got := assign(t, s); got.Count != 1 {
			t.Fatalf("%d assigned after the oldest transaction has committed, want 1", got.Count)
		}
		if rows := checkFeed(t, db); rows[2].OrderID != first.OrderID() {
			t.Errorf("the late one is not the last")
		}
	})

	t.Run("OKRolledBack", func(t *testing.T) {
		t.Parallel()
		db := postgrestest.Open(t)
		s := sequencer(t, db, longLease)
		take(t, s, true)
		undone := begin(t, db)
		place(t, undone)
		place(t, db)
		assign(t, s)
		if err := undone.Rollback(); err != nil {
			t.Fatal(err)
		}
		place(t, db)
		assign(t, s)
		if rows := checkFeed(t, db); len(rows) != 2 {
			t.Errorf("%d positions, want 2", len(rows))
		}
	})

	t.Run("OKNumberBeforeLock", func(t *testing.T) {
		t.Parallel()
		// A transaction that gets its number first and the order's lock second has the lower number and the higher version.
		for _, limit := range []int{1, 100} {
			db := postgrestest.Open(t)
			s := sequencer(t, db, longLease)
			s.SetLimit(limit)
			head := place(t, db).Order.Head
			take(t, s, true)
			assign(t, s)
			older := begin(t, db)
			place(t, older)
			advance(t, db, head)
			advance(t, older, head)
			commit(t, older)
			assignAll(t, s)
			checkFeed(t, db)
		}
	})

	t.Run("OKBacklog", func(t *testing.T) {
		t.Parallel()
		db := postgrestest.Open(t)
		s := sequencer(t, db, longLease)
		s.SetLimit(3)
		open := begin(t, db)
		place(t, open)
		batch := begin(t, db)
		for range 7 {
			place(t, batch)
		}
		commit(t, batch)
		head := place(t, db).Order.Head
		for range 9 {
			advance(t, db, head)
		}
		take(t, s, true)
		passes := 0
		for assign(t, s).More {
			if passes++; passes == 2 {
				commit(t, open)
			}
		}
		if passes < 3 {
			t.Errorf("a backlog of 18 was assigned in %d passes of 3 transactions", passes+1)
		}
		if rows := checkFeed(t, db); len(rows) != 18 {
			t.Errorf("%d positions, want 18", len(rows))
		}
		if got := assign(t, s); got != (event.Assigned{}) {
			t.Errorf("after the backlog: %+v", got)
		}
	})

	t.Run("OKAnotherGoesOnInTheMiddle", func(t *testing.T) {
		t.Parallel()
		db := postgrestest.Open(t)
		a, b := sequencer(t, db, longLease), sequencer(t, db, longLease)
		for range 8 {
			head := place(t, db).Order.Head
			advance(t, db, head)
		}
		take(t, a, true)
		a.SetLimit(5)
		assign(t, a)
		if err := a.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		take(t, b, true)
		assign(t, b)
		checkFeed(t, db)
	})
}

func TestSequencerLease(t *testing.T) {
	t.Parallel()

	t.Run("OKOneHolder", func(t *testing.T) {
		t.Parallel()
		db := postgrestest.Open(t)
		a, b := sequencer(t, db, longLease), sequencer(t, db, longLease)
		take(t, a, true)
		take(t, b, false)
		take(t, a, true)
		if err := a.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("ErrStaleHolder", func(t *testing.T) {
		t.Parallel()
		db := postgrestest.Open(t)
		stopped, next := sequencer(t, db, longLease), sequencer(t, db, longLease)
		take(t, stopped, true)
		place(t, db)
		expire(t, db)
		take(t, next, true)
		if _, err := stopped.Assign(t.Context()); !errors.Is(err, event.ErrLeaseLost) {
			t.Errorf("a holder that was replaced: Assign error %v, want ErrLeaseLost", err)
		}
		if err := stopped.Renew(t.Context()); !errors.Is(err, event.ErrLeaseLost) {
			t.Errorf("a holder that was replaced: Renew error %v, want ErrLeaseLost", err)
		}
		if err := stopped.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := assign(t, next); got.Count != 1 {
			t.Errorf("the new holder assigned %d, want 1", got.Count)
		}
		checkFeed(t, db)
	})

	t.Run("ErrRestored", func(t *testing.T) {
		t.Parallel()
		db := postgrestest.Open(t)
		s := sequencer(t, db, longLease)
		take(t, s, true)
		if _, err := db.ExecContext(t.Context(), `CREATE TABLE backup AS SELECT * FROM event_log`); err != nil {
			t.Fatal(err)
		}
		place(t, db)
		assign(t, s)
		if err := s.Renew(t.Context()); err != nil {
			t.Errorf("a log as its holder knows it: Renew error %v", err)
		}
		if _, err := db.ExecContext(t.Context(), `BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM feed; DELETE FROM event_log;
			INSERT INTO event_log SELECT * FROM backup; COMMIT`); err != nil {
			t.Fatal(err)
		}
		if a := assign(t, s); a.Count != 0 {
			t.Fatalf("%d positions were given by what the holder knows of another log", a.Count)
		}
		if err := s.Renew(t.Context()); !errors.Is(err, event.ErrLeaseLost) {
			t.Errorf("a log that was put back: Renew error %v, want ErrLeaseLost", err)
		}
		take(t, s, true)
		if a := assign(t, s); a.Count != 1 {
			t.Errorf("%d positions after the lease was taken again, want that of the existing event", a.Count)
		}
	})

	t.Run("ErrExpired", func(t *testing.T) {
		t.Parallel()
		db := postgrestest.Open(t)
		s := sequencer(t, db, longLease)
		take(t, s, true)
		place(t, db)
		expire(t, db)
		if _, err := s.Assign(t.Context()); !errors.Is(err, event.ErrLeaseLost) {
			t.Errorf("after the lease: Assign error %v, want ErrLeaseLost", err)
		}
		if err := s.Renew(t.Context()); !errors.Is(err, event.ErrLeaseLost) {
			t.Errorf("after the lease: Renew error %v, want ErrLeaseLost", err)
		}
		if n := count(t, db, "feed"); n != 0 {
			t.Errorf("%d positions were given without a lease", n)
		}
	})
}

func expire(t *testing.T, db *postgrestest.DB) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), `UPDATE event_log SET leased_until = clock_timestamp()`); err != nil {
		t.Fatal(err)
	}
}

// TestSequencerUnderWriters has writers that hold transactions open, roll back, and share orders, while two sequencers
// take the lease from each other.
func TestSequencerUnderWriters(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	db := postgrestest.Connect(t, url)
	var shared []*order.Head
	for range 5 {
		shared = append(shared, place(t, db).Order.Head)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var sequencers, writers sync.WaitGroup
	for i := range 2 {
		s := sequencer(t, postgrestest.Connect(t, url), 50*time.Millisecond)
		s.SetLimit(4 + i)
		sequencers.Go(func() { fight(ctx, t, s) })
	}
	for w := range 8 {
		random := rand.New(rand.NewPCG(1, uint64(w)))
		writers.Go(func() { writeRandomly(t, db, random, shared) })
	}
	writers.Wait()
	cancel()
	sequencers.Wait()
	last := sequencer(t, db, longLease)
	expire(t, db)
	take(t, last, true)
	assignAll(t, last)
	rows := checkFeed(t, db)
	t.Logf("%d positions", len(rows))
}

// fight takes the lease whenever it is free and holds it for a few assignments.
func fight(ctx context.Context, t *testing.T, s *postgres.Sequencer) {
	for ctx.Err() == nil {
		held, err := s.Acquire(ctx)
		if err != nil && ctx.Err() == nil {
			t.Error(err)
			return
		}
		for i := 0; held && i < 20; i++ {
			if _, err := s.Assign(ctx); err != nil {
				if ctx.Err() == nil && !errors.Is(err, event.ErrLeaseLost) {
					t.Error(err)
				}
				break
			}
		}
		if held && ctx.Err() == nil {
			if err := s.Release(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	}
}

func writeRandomly(t *testing.T, db *postgrestest.DB, random *rand.Rand, shared []*order.Head) {
	for range 60 {
		tx, err := db.BeginTxx(t.Context(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		var errPlace, errAdvance error
		if random.IntN(2) == 0 {
			_, errPlace = eventtest.Place(t.Context(), tx, grace.CustomerID)
		}
		head := shared[random.IntN(len(shared))]
		for range random.IntN(3) {
			if _, err := eventtest.Advance(t.Context(), tx, head); err != nil {
				errAdvance = err
			}
		}
		if err := errors.Join(errPlace, errAdvance); err != nil {
			t.Error(err)
		}
		if random.IntN(5) == 0 {
			err = tx.Rollback()
		} else {
			err = tx.Commit()
		}
		if err != nil {
			t.Error(err)
		}
	}
}
