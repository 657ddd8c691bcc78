package postgres

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// claimDueSQL claims of each lane the oldest and the newest due orders, so that after an outage new orders need not wait for the whole
// backlog, nor the backlog for new orders. Orders with a due timer of their own are claimed from all lanes, whether or not their provider
// answers.
//
// A scalar sub-select, because clock_timestamp() itself is volatile, and an index is not searched for a volatile value.
const claimDueSQL = `
	WITH wanted AS MATERIALIZED (
		SELECT * FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS t (lane, oldest, newest)
	), oldest AS MATERIALIZED (
		SELECT found.order_id, wanted.lane
		FROM wanted CROSS JOIN LATERAL (
			SELECT order_id FROM order_work w
			WHERE w.lane = wanted.lane AND due_at <= least($1, (SELECT clock_timestamp())) AND (leased_until IS NULL OR leased_until < clock_timestamp())
			ORDER BY due_at LIMIT wanted.oldest
			FOR UPDATE SKIP LOCKED
		) found
	), newest AS MATERIALIZED (
		SELECT found.order_id, wanted.lane
		FROM wanted CROSS JOIN LATERAL (
			SELECT order_id FROM order_work w
			WHERE w.lane = wanted.lane AND due_at <= least($1, (SELECT clock_timestamp())) AND (leased_until IS NULL OR leased_until < clock_timestamp())
			ORDER BY due_at DESC LIMIT wanted.newest
			FOR UPDATE SKIP LOCKED
		) found
	), own AS MATERIALIZED (
		SELECT order_id FROM order_work
		WHERE own_due_at <= least($1, (SELECT clock_timestamp())) AND (leased_until IS NULL OR leased_until < clock_timestamp())
		ORDER BY own_due_at LIMIT $5
		FOR UPDATE SKIP LOCKED
	), due AS MATERIALIZED (
		SELECT order_id, lane FROM oldest UNION SELECT order_id, lane FROM newest UNION SELECT order_id, '' FROM own
	)
	UPDATE order_work w SET leased_until = clock_timestamp() + make_interval(secs => $6), token = nextval('order_work_token')
	FROM due WHERE w.order_id = due.order_id
	RETURNING w.order_id, w.token, due.lane`

// ClaimDue leases orders to the caller, up to a limit for each lane, for LeaseTime on the database's clock, whose timer has run out both at
// now and on the database's clock: whatever the caller takes for the time, nothing is done early. Half of a lane's are those that are due for
// the longest time, half those that became due last. Two callers never get the same order. It runs in a transaction because a repeated
// claim would lease orders to nobody.
func (s *Store) ClaimDue(ctx context.Context, now time.Time, wants []order.Want) ([]order.Lease, error) {
	claim, err := s.db.prepared(ctx, claimDueSQL)
	if err != nil {
		return nil, err
	}
	lanes, oldest, newest, own := make([]string, len(wants)), make([]int64, len(wants)), make([]int64, len(wants)), 0
	for i, want := range wants {
		lanes[i] = want.Lane
		n := want.Limit
		if want.Lane == "" {
			own = part(n, 4)
			n -= own
		}
		newest[i] = int64(part(n, 2))
		oldest[i] = int64(n) - newest[i]
	}
	tx, err := s.db.db.BeginTxx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	var rows []struct {
		OrderID id.Order `db:"order_id"`
		Token   int64    `db:"token"`
		Lane    string   `db:"lane"`
	}
	err = tx.StmtxContext(ctx, claim).SelectContext(ctx, &rows, now, pq.Array(lanes), intArray(oldest), intArray(newest), own, LeaseTime.Seconds()) //nolint:sqlclosecheck // closed with the transaction
	if err != nil {
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	leases := make([]order.Lease, len(rows))
	for i, r := range rows {
		leases[i] = order.Lease{OrderID: r.OrderID, Token: r.Token, Lane: r.Lane}
	}
	return leases, nil
}

// part is one of several equal parts of n, rounded down or up by chance, so that a part of 1 comes to each in turn.
func part(n, parts int) int { return (n + rand.IntN(parts)) / parts } //nolint:gosec // it must be fair, not secret

// CausedBy returns the id of the request that has changed the order last, "" when the log has none.
func (s *Store) CausedBy(ctx context.Context, orderID id.Order) (requestID string, err error) {
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
	ids, tokens := make([]id.Order, len(leases)), make([]int64, len(leases))
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

// nextDueSQL steps from lane to lane and looks at the first order of each. A row comparison, because with w.lane = lanes.lane a plan that
// was made while the table was nearly empty sorts all orders of the lane.
const nextDueSQL = `
	WITH RECURSIVE lanes AS (
		(SELECT lane FROM order_work ORDER BY lane LIMIT 1)
		UNION ALL
		SELECT (SELECT w.lane FROM order_work w WHERE w.lane > lanes.lane ORDER BY w.lane LIMIT 1) FROM lanes WHERE lanes.lane IS NOT NULL
	)
	SELECT lane, (
		SELECT CASE WHEN w.lane = lanes.lane THEN due_at END FROM order_work w
		WHERE (w.lane, w.due_at) >= (lanes.lane, '-infinity') AND (leased_until IS NULL OR leased_until < clock_timestamp())
		ORDER BY w.lane, w.due_at LIMIT 1
	) AS due, clock_timestamp() AS now
	FROM lanes WHERE lane IS NOT NULL
	UNION ALL
	SELECT '', (
		SELECT own_due_at FROM order_work
		WHERE own_due_at IS NOT NULL AND (leased_until IS NULL OR leased_until < clock_timestamp()) ORDER BY own_due_at LIMIT 1
	), clock_timestamp()`

// NextDue returns for each lane that has orders when the earliest timer that no worker holds runs out. Its answer sets the clock.
func (s *Store) NextDue(ctx context.Context) (map[string]time.Time, error) {
	next, err := s.db.prepared(ctx, nextDueSQL) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Lane string     `db:"lane"`
		Due  *time.Time `db:"due"`
		Now  time.Time  `db:"now"`
	}
	asked := time.Now()
	if err := next.SelectContext(ctx, &rows); err != nil {
		return nil, err
	}
	due := map[string]time.Time{}
	for _, r := range rows {
		s.clock.Observe(asked, r.Now)
		if r.Due == nil {
			continue
		}
		if first, ok := due[r.Lane]; !ok || r.Due.Before(first) {
			due[r.Lane] = r.Due.UTC()
		}
	}
	return due, nil
}
