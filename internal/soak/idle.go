package soak

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// awaitIdle waits until every order is final, or is held since money of it went back, and every event has its position, and returns the log, which no longer changes.
func (r *run) awaitIdle(ctx context.Context, db *sqlx.DB) (*Log, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, idleTimeout, fmt.Errorf("orders did not end within %s", idleTimeout))
	defer cancel()
	var open struct {
		Orders int `db:"orders"`
		Events int `db:"events"`
	}
	for {
		err := db.GetContext(ctx, &open, `SELECT
			(SELECT count(*) FROM orders WHERE status NOT IN ('DELIVERED', 'CANCELLED') AND NOT (status = 'CONFIRMED' AND refunded_minor > 0))
				+ (SELECT count(*) FROM refunds WHERE status = 'PENDING') + (SELECT count(*) FROM order_work) AS orders,
			(SELECT count(*) FROM order_events) - (SELECT count(*) FROM feed) AS events`)
		if err == nil && open.Orders == 0 && open.Events == 0 {
			return ReadLog(ctx, db)
		}
		if !tick(ctx, 100*time.Millisecond) {
			return nil, fmt.Errorf("%w: %+v are open\n%s", context.Cause(ctx), open, describeOpen(context.WithoutCancel(ctx), db))
		}
	}
}

// describeOpen describes some orders that are not final, with their next step.
func describeOpen(ctx context.Context, db *sqlx.DB) string {
	var lines []string
	err := db.SelectContext(ctx, &lines, `
		SELECT concat_ws(' ', o.id, o.status, 'version', o.version, 'expires', o.expires_at - now(), 'work due', w.due_at - now(), 'leased until', w.leased_until - now(),
			'payments', (SELECT string_agg(concat_ws(' ', p.status, 'next', p.next_step_at - now(), p.attention), ', ') FROM payments p WHERE p.order_id = o.id),
			'attempts', (SELECT string_agg(concat_ws(' ', a.operation, a.outcome, a.calls, 'next', a.next_call_at - now(), a.message), ', ') FROM payment_attempts a WHERE a.order_id = o.id))
		FROM orders o LEFT JOIN order_work w ON w.order_id = o.id
		WHERE o.status NOT IN ('DELIVERED', 'CANCELLED') OR w.order_id IS NOT NULL ORDER BY o.id LIMIT 10`)
	if err != nil {
		return err.Error()
	}
	return strings.Join(lines, "\n")
}

// awaitSubscribers waits until every remaining subscriber has its last event. It gives up after a while; the check then reports the
// missing events.
func (r *run) awaitSubscribers(ctx context.Context, log *Log) {
	ctx, cancel := context.WithTimeout(ctx, idleTimeout)
	defer cancel()
	r.mu.Lock()
	waiting := r.subscribers
	r.mu.Unlock()
	ends := make([]int64, len(waiting))
	for i, s := range waiting {
		ends[i] = log.end(&s.history.Watch)
	}
	for i, s := range waiting {
		for s.reached.Load() < ends[i] {
			if !tick(ctx, 20*time.Millisecond) {
				return
			}
		}
	}
}

// tick waits for the next look at something that others do. It reports false when ctx ends first.
func tick(ctx context.Context, interval time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(interval):
		return true
	}
}
