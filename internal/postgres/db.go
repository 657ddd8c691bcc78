// Package postgres is the one place with SQL: the orders and their log, the catalogue, the sequencer's tables.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const (
	connectTimeout = 5 * time.Second
	// silence is how long a connection may say nothing while an answer is awaited. A context does not end a query when
	// the network goes silent (lib/pq issue 620), a deadline on the socket does. It is above statement_timeout.
	silence = 30 * time.Second
)

// Setting is a setting of PostgreSQL that the connections of a pool begin with.
type Setting struct{ name, value string }

// PlanOnce has a connection plan each prepared statement once, whatever its values. Else PostgreSQL plans anew each time as long as
// that seems worth more than it costs, which for the sequencer's statement was three times as much as to run it. It is for pools whose
// statements are few and have one good plan each.
var PlanOnce = Setting{"plan_cache_mode", "force_generic_plan"}

// Open connects to the database at a lib/pq URL in a role with at most maxConns connections. Statements end after 20 s, lock
// waits after 5 s and transactions that do nothing after 10 s, so that nothing hangs for ever.
func Open(ctx context.Context, databaseURL string, role Role, maxConns int, settings ...Setting) (*sqlx.DB, error) {
	connector, err := newConnector(databaseURL, role, settings...)
	if err != nil {
		return nil, err
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var works Role
	if err := db.GetContext(ctx, &works, `SELECT current_user`); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to the database: %w", err), db.Close())
	}
	// A pooler in between may drop the parameter, and the user of the URL may do more.
	if role != AsLogin && works != role {
		return nil, errors.Join(fmt.Errorf("connect to the database: asked for the role %s and got %s; connect to PostgreSQL itself", role, works), db.Close())
	}
	return db, nil
}

func newConnector(databaseURL string, role Role, settings ...Setting) (driver.Connector, error) {
	dsn, err := withSettings(databaseURL, role, settings...)
	if err != nil {
		return nil, err
	}
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	connector.Dialer(deadlineDialer{})
	return connector, nil
}

// withSettings adds our session settings to a postgres:// URL, unless it has its own, and the role. A role that a connection
// begins with is the one that RESET goes back to.
func withSettings(databaseURL string, role Role, settings ...Setting) (string, error) {
	u, err := url.Parse(databaseURL)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return "", fmt.Errorf("DATABASE_URL must be a postgres:// URL")
	}
	q := u.Query()
	for name, value := range map[string]string{
		"application_name":                    "orderwire",
		"statement_timeout":                   "20000",
		"lock_timeout":                        "5000",
		"idle_in_transaction_session_timeout": "10000",
		"timezone":                            "UTC",
	} {
		if !q.Has(name) {
			q.Set(name, value)
		}
	}
	// Parameters and results in binary spare the text conversion of each: 1.23 times as many writes at 16 clients. Array relies on it.
	q.Set("binary_parameters", "yes")
	for _, s := range settings {
		q.Set(s.name, s.value)
	}
	if role != AsLogin {
		q.Set("role", string(role))
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// deadlineDialer makes connections whose reads and writes end when the other side goes silent.
type deadlineDialer struct{}

func (d deadlineDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d deadlineDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (deadlineDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &deadlineConn{Conn: conn}, nil
}

type deadlineConn struct{ net.Conn }

func (c *deadlineConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *deadlineConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
