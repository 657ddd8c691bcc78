package postgres

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
)

//go:embed seed.sql
var seedSQL string

const (
	// seedChunk orders are one commit: enough that it costs nothing, few enough that Ctrl-C is heard at once.
	seedChunk = 5_000
	// seedLease is far longer than a chunk takes.
	seedLease = time.Minute
	// feedOpenFor ever: only the number of rows ends a partition of the feed here.
	feedOpenFor = 100 * 365 * 24 * time.Hour
	// walkedSteps are the events of an order from its creation to its delivery.
	walkedSteps = 4
)

// ErrSequencerRuns means that a server on this database gives positions now.
var ErrSequencerRuns = errors.New("a server is running on this database; stop it first")

// Seed has the parameters of the invented orders.
type Seed struct {
	// Orders the database is to have when all is done, those included that are there already.
	Orders int
	// From and To are the times of the first and the last order.
	From, To time.Time
	// Walked: each order was paid and delivered and has its four events. Otherwise it has one, and waits unpaid without a timer.
	Walked bool
	// Customers place the orders, at random; Baskets are the choices of the customers.
	Customers []id.Customer
	Baskets   []Basket
	// Provider is that of the payments. It does not know them: reconciling must not reach back to To.
	Provider string
	// Progress is told how many orders there are, at the start and after each commit.
	Progress func(orders int)
}

// Basket is one possible content of an order.
type Basket struct {
	Lines []order.Line
	Total money.Amount
}

// Run makes the orders that are missing, with all that belongs to them and their places in the feed. Each commit is whole, so
// it can be interrupted and run again. It is the sequencer meanwhile: ErrSequencerRuns when another process is.
func (s Seed) Run(ctx context.Context, db *sqlx.DB) (err error) {
	for month := s.From; month.Before(s.To.AddDate(0, 1, 0)); month = month.AddDate(0, 1, 0) {
		if err := EnsurePartitions(ctx, db, month); err != nil {
			return err
		}
	}
	var there int
	if err := unhurried(ctx, db, func(tx *sqlx.Tx) error { return tx.GetContext(ctx, &there, `SELECT count(*) FROM orders`) }); err != nil {
		return err
	}
	sequencer := NewSequencer(db, uuid.NewString(), seedLease)
	held, err := sequencer.Acquire(ctx)
	if err == nil && !held {
		err = ErrSequencerRuns
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sequencer.Release(context.WithoutCancel(ctx))) }()
	s.Progress(there)
	interval := s.To.Sub(s.From) / time.Duration(max(s.Orders-there, 1))
	for from := s.From; there < s.Orders; {
		n := min(seedChunk, s.Orders-there)
		if err := s.chunk(ctx, db, sequencer.fence, n, from, interval); err != nil {
			return err
		}
		there, from = there+n, from.Add(time.Duration(n)*interval)
		s.Progress(there)
		// A server would do this while the feed grows; nobody else does it meanwhile. What autovacuum is at is left until after the
		// next chunk.
		if _, err := openFeedPartition(ctx, db, feedOpenFor, feedPartitionRows); err != nil && !errors.Is(err, errBusy) {
			return err
		}
	}
	return nil
}

// chunk makes n orders. Should one of their numbers be taken, all are drawn again.
func (s Seed) chunk(ctx context.Context, db *sqlx.DB, fence int64, n int, from time.Time, interval time.Duration) error {
	steps := 1
	if s.Walked {
		steps = walkedSteps
	}
	var lines, currencies pq.StringArray
	var totals pq.Int64Array
	for _, b := range s.Baskets {
		raw, err := json.Marshal(b.Lines)
		if err != nil {
			return err
		}
		lines, totals, currencies = append(lines, string(raw)), append(totals, b.Total.Minor), append(currencies, b.Total.Currency)
	}
	for {
		err := unhurried(ctx, db, func(tx *sqlx.Tx) error {
			var held int
			err := tx.GetContext(ctx, &held, seedSQL, fence, seedLease.Seconds(), n, steps, from, interval.Microseconds(),
				rand.Int64N(1<<40), uuidArray(s.Customers), lines, totals, currencies, s.Provider) //nolint:gosec // nothing secret
			if err == nil && held == 0 {
				err = ErrSequencerRuns
			}
			return err
		})
		if !isCode(err, uniqueViolation, "orders_number_key") {
			return err
		}
	}
}

// unhurried runs f in a transaction whose statements may take any time and whose commit does not wait for the disk: what a
// crash loses is made again.
func unhurried(ctx context.Context, db *sqlx.DB, f func(*sqlx.Tx) error) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing to undo after the commit
	if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = 0; SET LOCAL synchronous_commit = off; SET LOCAL jit = off`); err != nil {
		return fmt.Errorf("settings of the transaction: %w", err)
	}
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
