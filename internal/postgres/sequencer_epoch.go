package postgres

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/event"
)

// identify compares the log with the fingerprint it had. Where it is another one, in another database or on another
// timeline, it gets a new epoch, so that cursors of the old one lead to a RESET and never to silence. Cursors carry the
// epoch's identity, which is random: two logs restored from one backup are two logs. A copy of the files has the
// fingerprint that it had; there the marks tell.
func (s *Sequencer) identify(ctx context.Context, stored string) error {
	cluster, timeline, err := s.fingerprint(ctx)
	if err != nil {
		return fmt.Errorf("fingerprint of the log: %w", err)
	}
	fingerprint := cluster + " " + timeline
	switch stored {
	case fingerprint:
		return nil
	case "":
		_, err := s.db.ExecContext(ctx, `UPDATE event_log SET fingerprint = $2 WHERE fence = $1`, s.fence, fingerprint)
		return err
	}
	was, _, _ := strings.Cut(stored, " ")
	return s.newEpoch(ctx, fingerprint, was == cluster)
}

// fingerprint says which log this is: the cluster, database and table, which a logical restore changes, and the
// timeline, which point-in-time recovery and a failover change.
func (s *Sequencer) fingerprint(ctx context.Context) (cluster, timeline string, err error) {
	err = s.db.GetContext(ctx, &cluster, `
		SELECT concat_ws('/', (SELECT oid FROM pg_database WHERE datname = current_database()), 'order_events'::regclass::oid::text)`)
	if err != nil {
		return "", "", err
	}
	// Managed services may refuse these. The rest still tells most restores apart.
	system, err := s.optional(ctx, `SELECT system_identifier::text FROM pg_control_system()`)
	if err != nil {
		return "", "", err
	}
	// Not pg_control_checkpoint(): after a failover it shows the old timeline until the first checkpoint.
	timeline, err = s.optional(ctx, `SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)`)
	return system + "/" + cluster, timeline, err
}

// optional is the query's one text, "-" where the server has no such function or does not permit it.
func (s *Sequencer) optional(ctx context.Context, query string) (value string, err error) {
	err = s.db.GetContext(ctx, &value, query)
	var refused *pq.Error
	if errors.As(err, &refused) {
		switch refused.Code {
		case "42501", "42883", "0A000": // insufficient_privilege, undefined_function, feature_not_supported
			return "-", nil
		}
	}
	return value, err
}

// epochSilence bounds one statement of a new epoch: it waits for writers, then reads a whole log. The pool of leases
// gives up a silent connection within seconds, and the log would stay without positions for ever.
const epochSilence = time.Hour

// newEpoch makes the log another one. Writers wait meanwhile, so that every event is of the old epoch and has a position,
// or of the new one. sameCluster: transaction numbers still mean what they meant, so `seen` says what has no position;
// otherwise see assignMissing.
func (s *Sequencer) newEpoch(ctx context.Context, fingerprint string, sameCluster bool) error {
	ctx = Patient(ctx, epochSilence)
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing to undo after the commit
	if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '30s'`); err != nil {
		return err
	}
	// The row's lock keeps others from taking the lease however long this takes.
	var held bool
	err = tx.GetContext(ctx, &held, `UPDATE event_log SET leased_until = 'infinity' WHERE fence = $1 RETURNING true`, s.fence)
	if err != nil {
		return errors.Join(err, event.ErrLeaseLost)
	}
	if _, err := tx.ExecContext(ctx, `LOCK TABLE order_events IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return err
	}
	if sameCluster {
		err = s.assignAll(ctx, tx)
	} else {
		err = s.assignMissing(ctx, tx)
	}
	if err != nil {
		return err
	}
	identity, err := newIdentity()
	if err != nil {
		return err
	}
	var row logRow
	err = tx.GetContext(ctx, &row, `
		UPDATE event_log SET epoch = epoch + 1, identity = $4, fingerprint = $2, seen = pg_current_snapshot(),
			leased_until = clock_timestamp() + make_interval(secs => $3)
		WHERE fence = $1
		RETURNING `+logColumns, s.fence, fingerprint, s.lease.Seconds(), identity)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_notify($1, '')`, FeedChannel); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.hold(&row)
	return nil
}

// newIdentity is a random number of 63 bits.
func newIdentity() (int64, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b[:]) >> 1), nil
}

func (s *Sequencer) assignAll(ctx context.Context, tx *sqlx.Tx) error {
	stmt, err := s.assignment(ctx)
	if err != nil {
		return err
	}
	for {
		assigned, err := s.assign(ctx, tx.StmtxContext(ctx, stmt), time.Hour) // the row's lock protects it; see newEpoch
		if err != nil || !assigned.More {
			return err
		}
	}
}

// assignMissing gives positions to the events that have none, in the order in which they happened.
//
// The problem: an event without a row in the feed may never have got one, or retention has dropped the row, and what was
// dropped must not be placed and sent again. The events of former epochs all had rows. Of this epoch's, the ones that
// `seen` does not cover have none: it was restored together with them, so their numbers belong together. It says nothing of
// events that were written after the restore and before this, whose numbers are another cluster's. Those happened after the
// oldest row that the feed still holds, and what was dropped was placed before it.
func (s *Sequencer) assignMissing(ctx context.Context, tx *sqlx.Tx) error {
	_, err := tx.ExecContext(ctx, `
		WITH numbered AS MATERIALIZED (
			SELECT order_id, version, customer_id, row_number() OVER turns AS n, bit_xor(hash) OVER turns AS hash
			FROM (
				SELECT e.order_id, e.version, e.customer_id, uuid_hash_extended(e.id, 0) AS hash,
					max(e.occurred_at) OVER (PARTITION BY e.order_id ORDER BY e.version) AS turn
				FROM event_log l
				JOIN order_events e ON e.log_epoch = l.epoch
				CROSS JOIN (SELECT CASE WHEN number = 1 THEN '-infinity' ELSE opened_at END AS at
					FROM feed_partitions ORDER BY number LIMIT 1) oldest
				WHERE NOT EXISTS (SELECT FROM feed f WHERE f.order_id = e.order_id AND f.version >= e.version)
					AND (NOT pg_visible_in_snapshot(e.xid, l.seen) OR e.occurred_at >= oldest.at)
			) t
			WINDOW turns AS (ORDER BY turn, order_id, version)
		), placed AS (
			INSERT INTO feed (position, order_id, version, customer_id, mark)
			SELECT l.position + n, order_id, version, customer_id, l.mark # hash FROM numbered, event_log l
		)
		UPDATE event_log SET position = position + (SELECT count(*) FROM numbered),
			mark = mark # coalesce((SELECT hash FROM numbered ORDER BY n DESC LIMIT 1), 0)`)
	return err
}
