package postgres

import (
	"context"
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
