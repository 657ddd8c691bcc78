package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// partitionsAhead is the number of months after the current one whose partitions are created in advance.
const partitionsAhead = 2

// EnsurePartitions makes the event log's partitions for now's month and the two after it, where they are missing. A
// partition holds the logs of the orders that were created in one month (UTC), whenever their events happen, so that an
// order's log is never split. Call it at the start and once a day; replicas may do so at once. Should it ever come too
// late, events go to the default partition and nothing fails: a month that has events there stays there.
func EnsurePartitions(ctx context.Context, db *sqlx.DB, now time.Time) error {
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for range 1 + partitionsAhead {
		next := month.AddDate(0, 1, 0)
		// A uuid cannot be a parameter of DDL; these are ours.
		_, err := db.ExecContext(ctx, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS order_events_%s PARTITION OF order_events FOR VALUES FROM ('%s') TO ('%s')`,
			month.Format("2006_01"), firstID(month), firstID(next)))
		if err != nil && !isCode(err, duplicateTable, "") && !isCode(err, uniqueViolation, "") && !isCode(err, checkViolation, "") {
			return fmt.Errorf("partition of %s: %w", month.Format("2006-01"), err)
		}
		month = next
	}
	return nil
}

// firstID is below every UUIDv7 made at or after t (RFC 9562 section 5.7: 48 bits of Unix milliseconds come first).
func firstID(t time.Time) uuid.UUID {
	var id uuid.UUID
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(t.UnixMilli())) //nolint:gosec // after 1970
	copy(id[:6], ms[2:])
	return id
}
