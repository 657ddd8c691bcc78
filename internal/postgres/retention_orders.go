package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
)

// monthFormat is the format of the names of order_events' partitions: order_events_2026_11.
const monthFormat = "order_events_2006_01"

// errRevived means that a month that was over has a new event.
var errRevived = errors.New("the month has a new event")

// dropOrderPartitions drops the months of orders that are over. What stands in the default partition stays.
func dropOrderPartitions(ctx context.Context, db *sqlx.DB, keep time.Duration) (dropped int, err error) {
	var tables []string
	err = db.SelectContext(ctx, &tables, `
		SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'order_events'::regclass ORDER BY c.relname`)
	if err != nil {
		return 0, err
	}
	for _, table := range tables {
		month, err := time.Parse(monthFormat, table)
		if err != nil {
			continue // the default partition
		}
		switch err := dropMonth(ctx, db, table, month, keep); {
		case err == nil:
			dropped++
		case !errors.Is(err, errRevived) && !errors.Is(err, errNotOver):
			return dropped, err
		}
	}
	return dropped, nil
}

var errNotOver = errors.New("the month is not over")

// dropMonth looks first, without a lock and however long it takes, and looks under the lock only for what has come since.
func dropMonth(ctx context.Context, db *sqlx.DB, table string, month time.Time, keep time.Duration) error {
	var looked struct {
		Over     bool   `db:"over"`
		Epoch    int    `db:"epoch"`
		Snapshot string `db:"snapshot"`
	}
	err := db.GetContext(ctx, &looked, `
		SELECT l.epoch, pg_current_snapshot()::text AS snapshot,
			$1 <= clock_timestamp() - make_interval(secs => $4)
			AND NOT EXISTS (
				SELECT FROM orders WHERE id >= $2 AND id < $3
					AND (status NOT IN ('DELIVERED', 'CANCELLED') OR refund_pending_minor > 0)
			)
			AND NOT EXISTS (SELECT FROM order_work WHERE order_id >= $2 AND order_id < $3)
			AND NOT EXISTS (SELECT FROM feed WHERE order_id >= $2 AND order_id < $3)
			AND NOT EXISTS (SELECT FROM `+table+` WHERE occurred_at > clock_timestamp() - make_interval(secs => $4)) AS over
		FROM event_log l`, month.AddDate(0, 1, 0), firstID(month), firstID(month.AddDate(0, 1, 0)), keep.Seconds())
	if err != nil {
		return err
	}
	if !looked.Over {
		return errNotOver
	}
	return changePartitions(ctx, db, "order_events", func(tx *sqlx.Tx) error {
		var revived bool
		err := tx.GetContext(ctx, &revived, `
			SELECT EXISTS (
				SELECT FROM `+table+`, CAST($2::text AS pg_snapshot) looked
				WHERE log_epoch >= $1 AND xid >= pg_snapshot_xmin(looked) AND NOT pg_visible_in_snapshot(xid, looked)
			)`, looked.Epoch, looked.Snapshot)
		if err != nil {
			return err
		}
		if revived {
			return errRevived
		}
		_, err = tx.ExecContext(ctx, `DROP TABLE `+table)
		return err
	})
}
