// Package postgres is the one place with SQL: the orders and their log, the catalogue, the sequencer's tables.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/pgurl"
)

const (
	// openTimeout bounds opening a pool.
	openTimeout = 15 * time.Second
	// silence is Limits.Silence where a pool has none of its own. It is above statement_timeout.
	silence = 30 * time.Second
)

// Option changes what Open does.
type Option interface{ apply(*options) }

type options struct {
	network  *Network
	silence  time.Duration
	settings []Setting
}

func (s Setting) apply(o *options) { o.settings = append(o.settings, s) }

func (n *Network) apply(o *options) { o.network = n }

func (l Limits) apply(o *options) {
	if l.Silence > 0 {
		o.silence = l.Silence
	}
	if l.Statement > 0 {
		o.settings = append(o.settings, Setting{"statement_timeout", strconv.FormatInt(l.Statement.Milliseconds(), 10)})
	}
	if l.Lock > 0 {
		o.settings = append(o.settings, Setting{"lock_timeout", strconv.FormatInt(l.Lock.Milliseconds(), 10)})
	}
}

// Open connects to the database at a DATABASE_URL in a role with at most maxConns connections. Unless Limits say otherwise,
// statements end after 20 s, lock waits after 5 s and transactions that do nothing after 10 s, so that nothing hangs for ever.
func Open(ctx context.Context, databaseURL string, role Role, maxConns int, with ...Option) (*sqlx.DB, error) {
	s, err := pgurl.Parse(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	o := options{silence: silence}
	for _, w := range with {
		w.apply(&o)
	}
	if o.network == nil {
		o.network = NewNetwork()
	}
	connector, err := newConnector(s, role, o)
	if err != nil {
		return nil, err
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	var works Role
	if err := db.GetContext(ctx, &works, `SELECT current_user`); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to the database: %w", err), db.Close())
	}
	// The user of the URL may do more.
	if role != AsLogin && works != role {
		return nil, errors.Join(fmt.Errorf("connect to the database: asked for the role %s and got %s; a pooler between must keep a session's settings (PgBouncer: pool_mode = session)", role, works), db.Close())
	}
	return db, nil
}
