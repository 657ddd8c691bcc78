package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lib/pq"
)

var errSessionShared = errors.New("the pooler between gives each transaction another session, and so loses roles, settings, prepared statements and LISTEN; " +
	"set pool_mode = session there for this database and its users (PgBouncer), or have the URL lead to PostgreSQL itself")

// CheckSessions refuses a pooler that does not give a connection the same session in each transaction. db must have two connections to
// give.
//
// Each of two connections marks its session, and then reads its mark again. A pooler with one free session gives that to both, and one
// that takes turns gives them others: the order of the reads finds two, which would else come to their own by chance.
func CheckSessions(ctx context.Context, db *sql.DB) (err error) {
	var conns [2]*sql.Conn
	var marks [2]string
	for i := range conns {
		if conns[i], err = db.Conn(ctx); err != nil {
			return sharedSession(err)
		}
		defer func() { err = errors.Join(err, ignoring(conns[i].Close())) }()
		marks[i] = rand.Text()
	}
	// Without parameters, so that no statement is prepared: where sessions are shared, that alone may fail.
	for i, c := range conns {
		if _, err := c.ExecContext(ctx, `SELECT set_config('orderwire.session', `+pq.QuoteLiteral(marks[i])+`, false)`); err != nil {
			return sharedSession(err)
		}
	}
	for _, i := range []int{0, 1, 1, 0} {
		var mark string
		if err := conns[i].QueryRowContext(ctx, `SELECT coalesce(current_setting('orderwire.session', true), '')`).Scan(&mark); err != nil {
			return sharedSession(err)
		}
		if mark != marks[i] {
			return errSessionShared
		}
	}
	return nil
}

// sharedSession explains what goes wrong at once where sessions are shared: lib/pq numbers its prepared statements, and somebody else has
// or has not that number (duplicate_prepared_statement, invalid_sql_statement_name).
func sharedSession(err error) error {
	if isCode(err, "42P05", "") || isCode(err, "26000", "") {
		return fmt.Errorf("%w: %w", errSessionShared, err)
	}
	return err
}
