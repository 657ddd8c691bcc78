package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/event"
)

const (
	// FeedChannel is the NOTIFY channel that says how far the feed goes.
	FeedChannel = "orderwire_feed"
	// CommitChannel is the NOTIFY channel of replicas that have committed events, or given the lease up (its payload is
	// then LeaseFree).
	CommitChannel = "orderwire_commit"
	// LeaseFree is the payload on CommitChannel of a sequencer that goes.
	LeaseFree = "lease free"

	// assignAtMost bounds one assignment, so that a long backlog neither times out nor keeps readers waiting.
	assignAtMost = 5000
)

//go:embed sequencer_assign.sql
var assignSQL string

// Sequencer assigns positions for one replica while it holds the lease, a row of event_log (see lease.go). It implements
// event.PositionStore. It is not for concurrent use.
//
// Each write is one statement in a transaction of its own that names the fence and the position it starts from, so it
// makes no difference if the driver runs it twice or if it comes late.
type Sequencer struct {
	db     *sqlx.DB
	hot    guarded
	holder string
	lease  time.Duration
	limit  int

	fence    int64
	epoch    int
	position int64
	xmax     string
	xip      pq.StringArray
}

// NewSequencer returns a Sequencer without the lease. holder must be unique to this process. The pool must have a free connection at
// any time: a lease whose renewal waits for one is lost.
func NewSequencer(db *sqlx.DB, holder string, lease time.Duration) *Sequencer {
	return &Sequencer{db: db, hot: newGuarded(db), holder: holder, lease: lease, limit: assignAtMost}
}

// logRow is the row of event_log.
type logRow struct {
	Fence       int64          `db:"fence"`
	Epoch       int            `db:"epoch"`
	Fingerprint string         `db:"fingerprint"`
	Position    int64          `db:"position"`
	Xmax        string         `db:"xmax"`
	Xip         pq.StringArray `db:"xip"`
}

const logColumns = `fence, epoch, fingerprint, position, pg_snapshot_xmax(seen)::text AS xmax,
	ARRAY(SELECT pg_snapshot_xip(seen)::text) AS xip`

// Acquire implements event.PositionStore.
func (s *Sequencer) Acquire(ctx context.Context) (bool, error) {
	var row logRow
	// Another replica may hold the row for long, while it gives the log a new epoch. To wait for it would look like a dead connection.
	err := s.db.GetContext(ctx, &row, `
		UPDATE event_log SET `+leaseTaken+`
		WHERE fence = (SELECT fence FROM event_log WHERE `+leaseToHave+` FOR UPDATE SKIP LOCKED)
		RETURNING `+logColumns, s.holder, s.lease.Seconds())
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.hold(&row)
	if err := s.identify(ctx, row.Fingerprint); err != nil {
		return false, err
	}
	return true, nil
}

func (s *Sequencer) hold(row *logRow) {
	s.fence, s.epoch, s.position, s.xmax, s.xip = row.Fence, row.Epoch, row.Position, row.Xmax, row.Xip
}

// Renew implements event.PositionStore. A restored backup that is younger than the lease contains the lease too, in a log that is
// behind its holder's: no event would get a position until the transaction ids have come as far again.
func (s *Sequencer) Renew(ctx context.Context) error {
	// Losing a renewal in a crash loses nothing, so it does not wait for the disk.
	result, err := s.db.ExecContext(ctx, `
		UPDATE event_log SET `+leaseProlonged+`
		WHERE `+leaseHeld+` AND position = $3 AND pg_snapshot_xmax(seen) = $4::text::xid8
			AND set_config('synchronous_commit', 'off', true) IS NOT NULL`,
		s.fence, s.lease.Seconds(), s.position, s.xmax)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, event.ErrLeaseLost)
	}
	return nil
}

// Assign implements event.PositionStore.
func (s *Sequencer) Assign(ctx context.Context) (event.Assigned, error) {
	stmt, err := s.assignment(ctx)
	if err != nil {
		return event.Assigned{}, fmt.Errorf("assign positions: %w", err)
	}
	return s.assign(ctx, stmt, s.lease)
}

// assignment is the statement, prepared: to plan it takes longer than to run it.
func (s *Sequencer) assignment(ctx context.Context) (*sqlx.Stmt, error) {
	return s.hot.prepared(ctx, assignSQL)
}

func (s *Sequencer) assign(ctx context.Context, stmt *sqlx.Stmt, lease time.Duration) (event.Assigned, error) {
	var row struct {
		Found    int            `db:"found"`
		Position int64          `db:"position"`
		Xmax     string         `db:"xmax"`
		Xip      pq.StringArray `db:"xip"`
		More     bool           `db:"more"`
		Notified *bool          `db:"notified"`
	}
	err := stmt.GetContext(ctx, &row, s.fence, s.position, s.epoch, s.xmax, s.xip, s.limit, lease.Seconds())
	if err != nil {
		return event.Assigned{}, fmt.Errorf("assign positions: %w", err)
	}
	if row.Found == 0 {
		return event.Assigned{}, nil
	}
	if row.Xmax == "" {
		return event.Assigned{}, event.ErrLeaseLost
	}
	given := int(row.Position - s.position)
	s.position, s.xmax, s.xip = row.Position, row.Xmax, row.Xip
	return event.Assigned{Count: given, Position: row.Position, More: row.More}, nil
}

// Release implements event.PositionStore.
func (s *Sequencer) Release(ctx context.Context) error {
	if s.fence == 0 {
		return nil
	}
	_, err := s.db.ExecContext(ctx, `
		WITH freed AS (UPDATE event_log SET `+leaseFreed+` WHERE fence = $1 RETURNING fence)
		SELECT pg_notify($2, $3) FROM freed`, s.fence, CommitChannel, LeaseFree)
	return err
}

// Announce implements event.PositionStore.
func (s *Sequencer) Announce(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, `SELECT pg_notify($1, '')`, CommitChannel)
	return err
}
