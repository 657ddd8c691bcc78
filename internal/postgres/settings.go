package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// SharedSecret returns the bytes kept under a name, storing fresh ones if there are none: all replicas and all restarts
// agree. Two that store at once agree on the first.
func (s *Store) SharedSecret(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	if _, err := s.db.db.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, fresh); err != nil {
		return nil, err
	}
	var value []byte
	err := s.db.db.GetContext(ctx, &value, `SELECT value FROM settings WHERE name = $1`, name)
	return value, err
}

// CheckWritable commits a small write, and so shows that orders can be placed: the server is no standby, its sessions are not
// read-only, its disk has room and its standbys, if commits wait for them, answer. db must be a pool in RoleMigrate.
func CheckWritable(ctx context.Context, db *sqlx.DB) error {
	_, err := db.ExecContext(ctx, `
		INSERT INTO settings (name, value) VALUES ('readiness', convert_to(clock_timestamp()::text, 'UTF8'))
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`)
	return err
}

// Installation is the id by which this database is told from others that take payments with the same account at the provider. It is
// made once, and backups keep it. See docs/backups.md for how to give a copy another one.
func (s *Store) Installation(ctx context.Context) (uuid.UUID, error) {
	var value string
	if err := s.db.db.GetContext(ctx, &value, `SELECT convert_from(value, 'UTF8') FROM settings WHERE name = 'installation'`); err != nil {
		return uuid.Nil, fmt.Errorf("reading the installation's id: %w", err)
	}
	installation, err := uuid.Parse(value)
	if err != nil || installation == uuid.Nil {
		return uuid.Nil, fmt.Errorf("the setting 'installation' in the table settings must be the text of a UUID, and is %q", value)
	}
	return installation, nil
}
