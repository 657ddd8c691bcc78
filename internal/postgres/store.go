package postgres

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/dbclock"
	"github.com/orderwire/orderwire/internal/groupcommit"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

const (
	// writers commit at the same time, but only when one is held up: see groupcommit.Group.
	writers = 2
	// maxBatch bounds what one failing commit takes with it, and its latency.
	maxBatch = 128
)

// ofMany is the context of statements that are many callers' at once: none of these can end it, and what the database does not
// answer ends by statement_timeout or by silence. A context that can end makes two goroutines for each statement, one
// of database/sql's and one of lib/pq's.
var ofMany = context.Background()

var (
	//go:embed create.sql
	createSQL string
	//go:embed load.sql
	loadSQL string
	//go:embed change.sql
	changeSQL string

	createStatement = newStatement[createParts](createSQL)
	loadStatement   = newStatement[struct{}](loadSQL)
	changeStatement = newStatement[changeParts](changeSQL)
)

// Committed is a commit's effect on one order.
type Committed struct {
	Events []order.Event
	// DueAt is the order's next timer, nil for none or when a worker holds the order.
	DueAt *time.Time
	// Lease is that of an order which is due at once: this process has it and is to carry the order on from Outcome. Only
	// with LeaseDue.
	Lease   *order.Lease
	Outcome order.Outcome
}

// Store keeps orders, their log and the catalogue. It implements order.Store and product.Store.
type Store struct {
	db      guarded
	created *groupcommit.Group[createCall, order.Outcome]
	changed *groupcommit.Group[changeCall, order.Outcome]
	notify  func([]Committed)
	// leases: see LeaseDue.
	leases bool
	// clock: see WithClock.
	clock *dbclock.Clock
	// attempts: see WithAttemptLimits.
	attempts AttemptLimits

	load *sqlx.Stmt
}

type createCall struct {
	principal auth.Principal
	order     *order.Order
	key       order.Idempotency
}

type changeCall struct {
	principal auth.Principal
	orderID   id.Order
	change    order.Change
}

// NewStore prepares the hot statements and starts the writers. committed is told of every commit of this process, right
// after it; it must not block. Close it before the database.
func NewStore(ctx context.Context, db *sqlx.DB, committed func([]Committed), options ...StoreOption) (*Store, error) {
	s := &Store{db: newGuarded(db), notify: committed, clock: dbclock.New(nil)}
	for _, option := range options {
		option(s)
	}
	for _, p := range []struct {
		stmt **sqlx.Stmt
		sql  string
	}{
		{&s.load, asPrincipal(loadStatement.text(struct{}{}), 6)},
	} {
		stmt, err := db.PreparexContext(ctx, p.sql) //nolint:sqlclosecheck // closed by Close
		if err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
		*p.stmt = stmt
	}
	s.created = groupcommit.New(writers, maxBatch, s.flushCreated)
	s.changed = groupcommit.New(writers, maxBatch, s.flushChanged)
	return s, nil
}

// StoreOption changes how a store works from its start.
type StoreOption func(*Store)

// LeaseDue leases orders that a write leaves due at once, and that no worker has, to this process in the statement that writes them. That
// saves the claim and a read. The store's committed must then hand Committed.Lease to a worker. If the process dies before, the lease
// expires and another process carries on.
func LeaseDue() StoreOption { return func(s *Store) { s.leases = true } }

// WithClock makes the store tell the time by a clock, and set it by the database's times in its answers. Without this option a store
// has a clock of its own.
func WithClock(clock *dbclock.Clock) StoreOption { return func(s *Store) { s.clock = clock } }

// due reports whether an order is to be carried on at a time.
func due(o *order.Order, now time.Time) bool {
	at := o.DueAt()
	return at != nil && !at.After(now)
}

// Close lets running commits end and refuses further writes.
func (s *Store) Close() {
	s.created.Close()
	s.changed.Close()
	_ = s.load.Close() // the connections go with the pool anyway
}
