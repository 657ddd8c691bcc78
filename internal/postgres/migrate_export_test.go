package postgres

import (
	"context"
	"database/sql"
	"log/slog"
	"time"
)

// MigrateLimits are those of the connections that migrate.
var MigrateLimits = migrateLimits

// MigrateUp runs the missing migrations on a pool with MigrateLimits, or with others to see what happens then.
func MigrateUp(ctx context.Context, db *sql.DB, patience time.Duration, log *slog.Logger) error {
	return migrator{db: db, patience: patience, log: log}.up(ctx)
}
