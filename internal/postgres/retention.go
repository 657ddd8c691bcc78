package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

const (
	// The retention is divided into feedPartitions partitions of the feed, by time: a row stays at most one part too long, and a
	// small shop's feed gets shorter too.
	feedPartitions = 30
	// feedPartitionRows bounds a partition, because closing one reads it (see openFeedPartition): about half a second.
	feedPartitionRows = 5_000_000
	// ddlLockTimeout bounds how long a change of partitions waits for a table's lock. Other statements queue behind it, so it is
	// short, and a change that does not get its lock is retried later.
	ddlLockTimeout = "100ms"
	ddlAttempts    = 5
	ddlPause       = 200 * time.Millisecond
	// ddlKey of the advisory lock (of a transaction) that lets one replica at a time change partitions: "owretain".
	ddlKey = 0x6f7772657461696e
)

// Pruned is the result of one Prune.
type Pruned struct {
	// Opened: the feed got a new partition to write to.
	Opened bool
	// FeedPartitions and OrderPartitions left.
	FeedPartitions, OrderPartitions int
	// Busy: something else held a lock, so that not all was done that is due.
	Busy bool
}

// Prune drops what the log need not keep: partitions of the feed whose rows were all placed longer than keep ago, and
// months of orders whose log is over: every order is final with nothing pending, its last event is older than keep, and
// the feed no longer refers to it. An order that is not final keeps its log, and with it all orders of its month, however
// old. The orders themselves stay.
//
// Rows are never deleted, tables are dropped, on the database's clock. Call it far more often than keep; replicas may do
// so at once. It waits for locks only for moments: what is due and cannot be had is left for the next time.
func Prune(ctx context.Context, db *sqlx.DB, keep time.Duration) (Pruned, error) {
	var done Pruned
	var err error
	if done.Opened, err = openFeedPartition(ctx, db, keep/feedPartitions, feedPartitionRows); err != nil {
		return done, done.unlessBusy(err)
	}
	if done.FeedPartitions, err = dropFeedPartitions(ctx, db, keep); err != nil {
		return done, done.unlessBusy(err)
	}
	done.OrderPartitions, err = dropOrderPartitions(ctx, db, keep)
	return done, done.unlessBusy(err)
}

func (p *Pruned) unlessBusy(err error) error {
	if errors.Is(err, errBusy) {
		p.Busy = true
		return nil
	}
	return err
}

// errBusy means that a lock was not granted in time.
var errBusy = errors.New("another session holds the lock")

// changePartitions runs f in a transaction that holds an exclusive lock on table, in one replica at a time. Earlier readers and
// writers of the table have ended then, and later ones wait for the end of f.
func changePartitions(ctx context.Context, db *sqlx.DB, table string, f func(*sqlx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := tryChangePartitions(ctx, db, table, f)
		if !isCode(err, lockNotAvailable, "") && !isCode(err, deadlockDetected, "") && !errors.Is(err, errBusy) {
			return err
		}
		if attempt == ddlAttempts {
			return errBusy
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(ddlPause):
		}
	}
}

func tryChangePartitions(ctx context.Context, db *sqlx.DB, table string, f func(*sqlx.Tx) error) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing to undo after the commit
	var alone bool
	if err := tx.GetContext(ctx, &alone, `SELECT pg_try_advisory_xact_lock($1)`, int64(ddlKey)); err != nil {
		return err
	}
	if !alone {
		return errBusy
	}
	if _, err := tx.ExecContext(ctx, `SET LOCAL lock_timeout = '`+ddlLockTimeout+`'`); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`); err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// feedPartition is a row of feed_partitions.
type feedPartition struct {
	Number int64 `db:"number"`
	First  int64 `db:"first_position"`
}

func (p feedPartition) table() string { return fmt.Sprintf("feed_%d", p.Number) }

// openFeedPartition closes the feed's last partition at the current position and opens the next one, if the last has rows and has
// been open longer than interval, or has more rows than atMost. The closed partition gets its upper bound only now. It is
// therefore detached and attached again with that bound, and PostgreSQL reads it once to check the bound. Writers of orders do not wait for that: they do not touch the feed.
func openFeedPartition(ctx context.Context, db *sqlx.DB, interval time.Duration, atMost int64) (bool, error) {
	const due = `
		SELECT p.number, p.first_position
		FROM (SELECT * FROM feed_partitions ORDER BY number DESC LIMIT 1) p, event_log l
		WHERE l.position >= p.first_position
			AND (p.opened_at <= clock_timestamp() - make_interval(secs => $1) OR l.position - p.first_position >= $2)`
	var last []feedPartition
	err := db.SelectContext(ctx, &last, due, interval.Seconds(), atMost)
	if err != nil || len(last) == 0 {
		return false, err
	}
	opened := false
	err = changePartitions(ctx, db, "feed", func(tx *sqlx.Tx) error {
		// Again, under the lock: another replica may have done it. The sequencer cannot place anything meanwhile.
		var last []feedPartition
		if err := tx.SelectContext(ctx, &last, due, interval.Seconds(), atMost); err != nil || len(last) == 0 {
			return err
		}
		var next feedPartition
		err := tx.GetContext(ctx, &next, `
			INSERT INTO feed_partitions (number, first_position, opened_at, mark_before)
			SELECT $1, position + 1, clock_timestamp(), mark FROM event_log RETURNING number, first_position`, last[0].Number+1)
		if err != nil {
			return err
		}
		opened = true
		return split(ctx, tx, last[0], next)
	})
	return opened && err == nil, err
}

// split ends a partition where the next one begins.
func split(ctx context.Context, tx *sqlx.Tx, last, next feedPartition) error {
	from := fmt.Sprint(last.First)
	if last.First == 1 {
		from = "MINVALUE"
	}
	for _, statement := range []string{
		fmt.Sprintf(`ALTER TABLE feed DETACH PARTITION %s`, last.table()),
		fmt.Sprintf(`ALTER TABLE feed ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%d)`, last.table(), from, next.First),
		fmt.Sprintf(`CREATE TABLE %s PARTITION OF feed (UNIQUE (order_id, version)) FOR VALUES FROM (%d) TO (MAXVALUE)`, next.table(), next.First),
		fmt.Sprintf(`CREATE TRIGGER %[1]s_no_truncate BEFORE TRUNCATE ON %[1]s FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`, next.table()),
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("next partition of the feed: %w", err)
		}
	}
	return nil
}

// dropFeedPartitions drops those whose successor was opened longer than keep ago. The one that is written stays.
func dropFeedPartitions(ctx context.Context, db *sqlx.DB, keep time.Duration) (dropped int, err error) {
	const due = `
		SELECT number, first_position FROM feed_partitions p
		WHERE EXISTS (
			SELECT FROM feed_partitions n WHERE n.number > p.number AND n.opened_at <= clock_timestamp() - make_interval(secs => $1)
		) ORDER BY number`
	var old []feedPartition
	if err := db.SelectContext(ctx, &old, due, keep.Seconds()); err != nil || len(old) == 0 {
		return 0, err
	}
	err = changePartitions(ctx, db, "feed", func(tx *sqlx.Tx) error {
		dropped = 0
		if err := tx.SelectContext(ctx, &old, due, keep.Seconds()); err != nil {
			return err
		}
		for _, p := range old {
			if _, err := tx.ExecContext(ctx, `DROP TABLE `+p.table()); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM feed_partitions WHERE number = $1`, p.Number); err != nil {
				return err
			}
			dropped++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return dropped, nil
}
