package postgres_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

func epochOf(t *testing.T, db *postgrestest.DB) int64 {
	t.Helper()
	extent, err := postgres.NewLog(db.API).Extent(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return extent.Epoch
}

func TestSequencerEpoch(t *testing.T) {
	t.Parallel()

	t.Run("OKSameLog", func(t *testing.T) {
		t.Parallel()
		db := postgrestest.Open(t)
		epoch := epochOf(t, db)
		for range 2 {
			take(t, sequencer(t, db, 0), true)
		}
		var fingerprint string
		if err := db.GetContext(t.Context(), &fingerprint, `SELECT fingerprint FROM event_log`); err != nil {
			t.Fatal(err)
		}
		if parts := strings.FieldsFunc(fingerprint, func(r rune) bool { return r == '/' || r == ' ' }); len(parts) != 4 {
			t.Errorf("fingerprint %q, want system/database/table timeline", fingerprint)
		}
		if got := epochOf(t, db); got != epoch {
			t.Errorf("epoch %d after a restart, want %d", got, epoch)
		}
	})

	// Both ways events that had no position get one, what has one keeps it, and what comes later is found.
	for name, change := range map[string]string{
		"OKOtherTimeline": `UPDATE event_log SET fingerprint = split_part(fingerprint, ' ', 1) || ' 000000FF'`,
		"OKOtherCluster":  `UPDATE event_log SET fingerprint = '1/' || fingerprint, seen = '900000000:900000000:'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := postgrestest.Open(t)
			epoch := epochOf(t, db)
			before := sequencer(t, db, longLease)
			take(t, before, true)
			head := place(t, db).Order.Head
			assign(t, before)
			advance(t, db, head)
			if strings.Contains(change, "seen") {
				// A restored row has the number of a transaction of another cluster.
				restored := place(t, db)
				for _, statement := range []string{
					`ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`,
					`UPDATE order_events SET xid = '800000000' WHERE order_id = '` + restored.OrderID().String() + `'`,
					`ALTER TABLE order_events ENABLE TRIGGER order_events_append_only`,
				} {
					if _, err := db.ExecContext(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
				}
			}
			if _, err := db.ExecContext(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			expire(t, db)

			after := sequencer(t, db, longLease)
			after.SetLimit(1)
			take(t, after, true)
			if got := epochOf(t, db); got == epoch || got <= 0 {
				t.Errorf("epoch %d after %d, want a new one", got, epoch)
			}
			rows := checkFeed(t, db)
			if rows[0].OrderID != head.ID {
				t.Error("the position that was given before has changed")
			}
			place(t, db)
			if got := assign(t, after); got.Count != 1 {
				t.Errorf("%d events of the new epoch assigned, want 1", got.Count)
			}
			checkFeed(t, db)
		})
	}
}

// A new epoch takes as long as it takes: here it waits for a writer, for longer than its pool lets connections be silent.
func TestSequencerEpochIsSlow(t *testing.T) {
	t.Parallel()
	const silence = 2 * time.Second
	db := postgrestest.Open(t)
	take(t, sequencer(t, db, 0), true)
	if _, err := db.ExecContext(t.Context(), `UPDATE event_log SET fingerprint = '1/' || fingerprint`); err != nil {
		t.Fatal(err)
	}
	expire(t, db)
	epoch := epochOf(t, db)
	writer := begin(t, db)
	if _, err := writer.ExecContext(t.Context(), `LOCK TABLE order_events IN ROW EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	pool := postgrestest.PoolWith(t, db.URL, postgres.RoleWorker, postgres.Limits{Silence: silence, Lock: silence / 2})
	taken := make(chan error, 1)
	go func() {
		_, err := postgres.NewSequencer(pool, "slow", silence).Acquire(t.Context())
		taken <- err
	}()
	for waits := false; !waits; {
		// Each look takes a tenth of a second, so that looking is no load.
		err := db.GetContext(t.Context(), &waits, `SELECT pg_sleep(0.1) IS NOT NULL AND EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LOCK TABLE order_events%SHARE%' AND wait_event_type = 'Lock'
				AND clock_timestamp() - query_start > make_interval(secs => $1))`, (2 * silence).Seconds())
		if err != nil {
			t.Fatal(err)
		}
	}
	// The other replicas do not wait for the row meanwhile.
	take(t, sequencer(t, db, longLease), false)
	commit(t, writer)
	if err := await(t, "the new epoch", taken); err != nil {
		t.Fatal(err)
	}
	if got := epochOf(t, db); got == epoch {
		t.Error("the log has its old epoch")
	}
}

// TestRestoredAfterRetention: what retention has dropped from the feed is not placed again when the log is found to be restored.
func TestRestoredAfterRetention(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	before := sequencer(t, db, longLease)
	take(t, before, true)
	old := place(t, db)
	for range 4 {
		advance(t, db, old.Order.Head)
	}
	assignAll(t, before)
	if _, err := db.ExecContext(t.Context(), `ALTER TABLE order_events DISABLE TRIGGER order_events_append_only;
		UPDATE order_events SET occurred_at = occurred_at - interval '1 year';
		ALTER TABLE order_events ENABLE TRIGGER order_events_append_only`); err != nil {
		t.Fatal(err)
	}
	later(t, db, 2*month)
	prune(t, db)
	later(t, db, 2*month)
	prune(t, db)
	kept := place(t, db)
	assignAll(t, before)
	if got := positions(t, db); len(got) != 1 || got[0] != 6 {
		t.Fatalf("positions %v before the restore, want 6 alone", got)
	}
	// The dump was made while one event had no position, and one was written after the restore with a number of the new
	// cluster, which the old one had given out long before.
	unplaced := place(t, db)
	written := place(t, db)
	for _, statement := range []string{
		`ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`,
		`UPDATE order_events SET xid = '1' WHERE order_id = '` + written.OrderID().String() + `'`,
		`ALTER TABLE order_events ENABLE TRIGGER order_events_append_only`,
		`UPDATE event_log SET fingerprint = '1/' || fingerprint`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	expire(t, db)
	take(t, sequencer(t, db, longLease), true)
	var placed []string
	if err := db.SelectContext(t.Context(), &placed, `SELECT order_id::text FROM feed ORDER BY position`); err != nil {
		t.Fatal(err)
	}
	want := []string{kept.OrderID().String(), unplaced.OrderID().String(), written.OrderID().String()}
	if !slices.Equal(placed, want) {
		t.Errorf("the feed has %v, want %v", placed, want)
	}
	if got := positions(t, db); !slices.Equal(got, []int64{6, 7, 8}) {
		t.Errorf("positions %v, want 6 to 8", got)
	}
}

// TestSequencerPlan: what the sequencer reads must not grow with the log.
func TestSequencerPlan(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	s := sequencer(t, db, longLease)
	tx := begin(t, db)
	head := place(t, tx).Order.Head
	for range 300 {
		advance(t, tx, head)
	}
	commit(t, tx)
	take(t, s, true)
	assign(t, s)
	if _, err := db.ExecContext(t.Context(), `ANALYZE order_events, feed`); err != nil {
		t.Fatal(err)
	}
	open := begin(t, db)
	place(t, open)
	place(t, db)
	assign(t, s)
	plan, err := s.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(plan, "\n") {
		if strings.Contains(line, "Seq Scan on order_events") || strings.Contains(line, "Seq Scan on feed") {
			t.Errorf("the whole table is read:\n%s", plan)
			break
		}
	}
}
