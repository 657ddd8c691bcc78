package postgres_test

import (
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

func epochOf(t *testing.T, db *postgrestest.DB) int {
	t.Helper()
	extent, err := postgres.NewLog(db.API).Extent(t.Context())
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
		if got := epochOf(t, db); got != 1 {
			t.Errorf("epoch %d after a restart, want 1", got)
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
			if got := epochOf(t, db); got != 2 {
				t.Errorf("epoch %d, want 2", got)
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
