package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

const (
	// KeyRetention is the time for which an idempotency key is kept. The contract promises 24 hours; the rest is for clients
	// whose last retry waits a day.
	KeyRetention = 48 * time.Hour
	// keyBatch bounds how long one statement holds its row locks.
	keyBatch = 1000
)

// PruneKeys forgets the idempotency keys that are older than keep, on the database clock, and returns how many. It works in
// short statements and passes by what another replica is deleting.
func PruneKeys(ctx context.Context, db *sqlx.DB, keep time.Duration) (int, error) {
	total := 0
	for {
		result, err := db.ExecContext(ctx, `
			DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
				SELECT ctid FROM idempotency_keys WHERE created_at < clock_timestamp() - make_interval(secs => $1)
				LIMIT $2 FOR UPDATE SKIP LOCKED))`, keep.Seconds(), keyBatch)
		if err != nil {
			return total, err
		}
		n, err := result.RowsAffected()
		total += int(n)
		if err != nil || n < keyBatch {
			return total, err
		}
	}
}
