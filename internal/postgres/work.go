package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/order"
)

// A scalar sub-select, because clock_timestamp() itself is volatile, and an index is not searched for a volatile value.
const claimDueSQL = `
	WITH due AS MATERIALIZED (
		SELECT order_id FROM order_work
		WHERE due_at <= least($1, (SELECT clock_timestamp())) AND (leased_until IS NULL OR leased_until < clock_timestamp())
		ORDER BY due_at LIMIT $2
		FOR UPDATE SKIP LOCKED
	)
	UPDATE order_work w SET leased_until = clock_timestamp() + make_interval(secs => $3), token = nextval('order_work_token')
	FROM due WHERE w.order_id = due.order_id
	RETURNING w.order_id, w.token`

// ClaimDue leases up to limit orders to the caller, for LeaseTime on the database's clock, whose timer has run out both at now and on the
// database's clock: whatever the caller takes for the time, nothing is done early. Two callers never get the same order. It runs in a transaction because a repeated claim would lease orders to
// nobody.
func (s *Store) ClaimDue(ctx context.Context, now time.Time, limit int) ([]order.Lease, error) {
	claim, err := s.db.prepared(ctx, claimDueSQL)
	if err != nil {
		return nil, err
	}
	tx, err := s.db.db.BeginTxx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	var rows []struct {
		OrderID uuid.UUID `db:"order_id"`
		Token   int64     `db:"token"`
	}
	if err := tx.StmtxContext(ctx, claim).SelectContext(ctx, &rows, now, limit, LeaseTime.Seconds()); err != nil { //nolint:sqlclosecheck // closed with the transaction
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	leases := make([]order.Lease, len(rows))
	for i, r := range rows {
		leases[i] = order.Lease{OrderID: r.OrderID, Token: r.Token}
	}
	return leases, nil
}

// CausedBy returns the id of the request that has changed the order last, "" when the log has none.
func (s *Store) CausedBy(ctx context.Context, orderID uuid.UUID) (requestID string, err error) {
	err = s.db.db.GetContext(ctx, &requestID, `
		SELECT coalesce((
			SELECT request_id FROM order_events WHERE order_id = $1 AND request_id <> '' ORDER BY version DESC LIMIT 1
		), '')`, orderID)
	return requestID, err
}

// RenewLeases prolongs those of the leases that are still held. An order that is being changed at this moment is passed
// over: waiting for it would keep those that are locked already from their own changes, in whatever order these lock them,
// until PostgreSQL finds the deadlock a second later. The next renewal is in time for it.
func (s *Store) RenewLeases(ctx context.Context, leases []order.Lease) error {
	ids, tokens := make([]uuid.UUID, len(leases)), make([]int64, len(leases))
	for i, l := range leases {
		ids[i], tokens[i] = l.OrderID, l.Token
	}
	_, err := s.db.db.ExecContext(ctx, `
		WITH held AS MATERIALIZED (
			SELECT w.order_id
			FROM order_work w JOIN unnest($1::uuid[], $2::bigint[]) AS lease (order_id, token) USING (order_id, token)
			WHERE w.leased_until IS NOT NULL
			FOR UPDATE OF w SKIP LOCKED
		)
		UPDATE order_work w SET leased_until = clock_timestamp() + make_interval(secs => $3)
		FROM held WHERE w.order_id = held.order_id`,
		uuidArray(ids), intArray(tokens), LeaseTime.Seconds())
	return err
}

// NextDue returns when the earliest timer that no worker holds runs out; nil when there is none. Its answer sets the clock.
func (s *Store) NextDue(ctx context.Context) (*time.Time, error) {
	next, err := s.db.prepared(ctx, `SELECT min(due_at) AS due, clock_timestamp() AS now FROM order_work WHERE leased_until IS NULL OR leased_until < clock_timestamp()`) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return nil, err
	}
	var row struct {
		Due *time.Time `db:"due"`
		Now time.Time  `db:"now"`
	}
	asked := time.Now()
	if err := next.GetContext(ctx, &row); err != nil {
		return nil, err
	}
	s.clock.Observe(asked, row.Now)
	return utc(row.Due), nil
}
