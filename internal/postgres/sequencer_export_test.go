package postgres

import (
	"context"
	"database/sql"
	"strings"
)

// SetLimit bounds one assignment to n events, so that a test sees a backlog without writing thousands.
func (s *Sequencer) SetLimit(n int) { s.limit = n }

// Plan returns PostgreSQL's plan of the next assignment.
func (s *Sequencer) Plan(ctx context.Context) (string, error) {
	var lines []string
	err := s.db.SelectContext(ctx, &lines, `EXPLAIN `+assignSQL,
		s.fence, s.position, s.epoch, s.xmax, s.xip, s.limit, s.lease.Seconds())
	return strings.Join(lines, "\n"), err
}

// FirstID is below every order's id of that time or later.
var FirstID = firstID

// MigrateTo brings a database to an older version of the schema.
func MigrateTo(ctx context.Context, db *sql.DB, version int64) error {
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	_, err = provider.UpTo(ctx, version)
	return err
}
