package postgres

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Unserved counts a provider's payments that are not finished.
type Unserved struct {
	Provider string `db:"provider"`
	Payments int    `db:"payments"`
}

// UnservedPayments counts the unfinished payments of all providers but these. Each has a timer, so only orders with one are read.
func UnservedPayments(ctx context.Context, db *sqlx.DB, served []string) (unserved []Unserved, err error) {
	err = db.SelectContext(ctx, &unserved, unservedQuery, pq.Array(served))
	return unserved, err
}

const unservedQuery = `
	SELECT p.provider, count(*) AS payments
	FROM order_work w JOIN payments p ON p.order_id = w.order_id
	WHERE p.provider <> ALL ($1) AND (p.status IN ('INITIALIZING', 'PROCESSING', 'REQUIRES_ACTION', 'AUTHORIZED')
		OR EXISTS (SELECT FROM payment_attempts a WHERE a.order_id = p.order_id AND a.payment_id = p.id AND a.finished_at IS NULL))
	GROUP BY p.provider ORDER BY p.provider`
