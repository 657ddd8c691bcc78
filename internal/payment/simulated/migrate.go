package simulated

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock is the advisory lock that lets one process migrate at a time; any number that nobody else uses.
const migrationLock = 5_413_208_871

// Migrate creates the schema "simulated" and brings it up to date. It has a version table of its own
// (simulated.goose_db_version), so that the ledger may share a database with the shop or have one for itself. Safe to
// call from several processes at once: one migrates, the others wait.
func Migrate(ctx context.Context, db *sqlx.DB) error {
	if err := createSchema(ctx, db); err != nil {
		return fmt.Errorf("simulated provider: create schema: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("simulated provider: %w", err)
	}
	// Ask every second, for two minutes: another process is migrating.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 120))
	if err != nil {
		return fmt.Errorf("simulated provider: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db.DB, files,
		goose.WithTableName("simulated.goose_db_version"),
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("simulated provider: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("simulated provider: migrate: %w", err)
	}
	return nil
}

// Grant lets a role work with the ledger, and not change its tables. Safe to call from several processes at once.
func Grant(ctx context.Context, db *sqlx.DB, role string) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // as in createSchema
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, migrationLock+1); err != nil {
		return err
	}
	name := pq.QuoteIdentifier(role)
	for _, statement := range []string{
		`GRANT USAGE ON SCHEMA simulated TO ` + name,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA simulated TO ` + name,
		`GRANT USAGE ON ALL SEQUENCES IN SCHEMA simulated TO ` + name,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("simulated provider: grants: %w", err)
		}
	}
	return tx.Commit()
}

// createSchema runs before goose, whose version table lives in the schema. The lock is needed because CREATE SCHEMA IF
// NOT EXISTS fails when two sessions run it at once.
func createSchema(ctx context.Context, db *sqlx.DB) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do; before, the first error counts
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, migrationLock+1); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS simulated`); err != nil {
		return err
	}
	return tx.Commit()
}

// Fingerprint names the set of migrations: it changes whenever one of them does. Tests key template databases by it.
func Fingerprint() string {
	hash := sha256.New()
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	for _, entry := range entries {
		text, err := migrations.ReadFile("migrations/" + entry.Name())
		if err != nil {
			panic(err) // as above
		}
		hash.Write(fmt.Appendf(nil, "%s %d\n%s", entry.Name(), len(text), text))
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}
