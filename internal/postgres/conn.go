package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// PQConn has the interfaces that lib/pq's connections implement. A wrapper, here and in postgrestest, must keep all of
// them: database/sql would work around a missing one, for example by preparing each statement.
type PQConn interface {
	driver.Conn
	driver.QueryerContext
	driver.ExecerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

// conn is a connection of lib/pq with three faults mended.
//
// A context that ends does not end a read there: here it bounds the socket. What was sent and not answered is
// driver.ErrBadConn there, upon which database/sql sends it again, and a write happens twice: here it is errAnswerLost. And
// a connection to a server that no longer takes writes goes back into the pool there.
type conn struct {
	PQConn
	socket *socket
	ends   time.Time
	dead   atomic.Bool
}

// finish says what a call's error means for the connection, and for database/sql. sent is the number of bytes sent before the call;
// a negative number for calls that may be repeated.
func (c *conn) finish(err error, sent int64) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, driver.ErrBadConn) {
		c.dead.Store(true)
		if sent >= 0 && c.socket.sent.Load() > sent {
			return unavailable(errAnswerLost)
		}
		return driver.ErrBadConn
	}
	var refused *pq.Error
	if errors.As(err, &refused) && ofServer(refused.Code) {
		c.dead.Store(true)
		return unavailable(err)
	}
	return err
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	end, sent := c.socket.begin(ctx), c.socket.sent.Load()
	inner, err := c.PQConn.QueryContext(ctx, query, args)
	return c.rows(inner, c.finish(err, sent), end)
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	end, sent := c.socket.begin(ctx), c.socket.sent.Load()
	defer end()
	result, err := c.PQConn.ExecContext(ctx, query, args)
	return result, c.finish(err, sent)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	defer c.socket.begin(ctx)()
	inner, err := c.PQConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, c.finish(err, -1)
	}
	return &stmt{pqStmt: inner.(pqStmt), conn: c}, nil //nolint:errcheck // it is lib/pq's
}

// Prepare implements driver.Conn.
func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	defer c.socket.begin(ctx)()
	inner, err := c.PQConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, c.finish(err, -1)
	}
	return &tx{Tx: inner, conn: c, ctx: ctx}, nil
}

// Ping implements driver.Pinger.
func (c *conn) Ping(ctx context.Context) error {
	defer c.socket.begin(ctx)()
	return c.finish(c.PQConn.Ping(ctx), -1)
}

// ResetSession implements driver.SessionResetter: it is called before each use. database/sql replaces what it refuses.
func (c *conn) ResetSession(ctx context.Context) error {
	if !c.IsValid() || !c.socket.usable() || time.Now().After(c.ends) {
		return driver.ErrBadConn
	}
	return c.PQConn.ResetSession(ctx)
}

// IsValid implements driver.Validator: it is called after each use.
func (c *conn) IsValid() bool {
	return !c.dead.Load() && !c.socket.broken.Load() && c.PQConn.IsValid()
}

type pqStmt interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// stmt is to lib/pq's as conn is.
type stmt struct {
	pqStmt
	conn *conn
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	end, sent := s.conn.socket.begin(ctx), s.conn.socket.sent.Load()
	inner, err := s.pqStmt.QueryContext(ctx, args)
	return s.conn.rows(inner, s.conn.finish(err, sent), end)
}

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	end, sent := s.conn.socket.begin(ctx), s.conn.socket.sent.Load()
	defer end()
	result, err := s.pqStmt.ExecContext(ctx, args)
	return result, s.conn.finish(err, sent)
}

// tx has the context of the transaction bound its end too, which has none of its own.
type tx struct {
	driver.Tx
	conn *conn
	ctx  context.Context
}

func (t *tx) Commit() error {
	defer t.conn.socket.begin(t.ctx)()
	sent := t.conn.socket.sent.Load()
	return t.conn.finish(t.Tx.Commit(), sent)
}

func (t *tx) Rollback() error {
	defer t.conn.socket.begin(t.ctx)()
	return t.conn.finish(t.Tx.Rollback(), -1)
}

type pqRows interface {
	driver.Rows
	driver.RowsNextResultSet
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypePrecisionScale
}

// rows keep the socket bound to the statement's context until they are closed.
type rows struct {
	pqRows
	conn *conn
	end  func()
}

func (c *conn) rows(inner driver.Rows, err error, end func()) (driver.Rows, error) {
	if err != nil {
		end()
		return nil, err
	}
	return &rows{pqRows: inner.(pqRows), conn: c, end: end}, nil //nolint:errcheck // they are lib/pq's
}

func (r *rows) Next(into []driver.Value) error {
	err := r.pqRows.Next(into)
	var refused *pq.Error
	if err != nil && errors.As(err, &refused) {
		return r.conn.finish(err, 0)
	}
	return err
}

func (r *rows) Close() error {
	defer r.end()
	return r.pqRows.Close()
}
