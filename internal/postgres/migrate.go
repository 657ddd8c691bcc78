package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrate brings the roles and the schema of the database at a lib/pq URL up to date. Replicas that start together wait for
// each other. Migrations are append-only: what has run somewhere is never edited.
func Migrate(ctx context.Context, databaseURL string) error {
	login, err := Open(ctx, databaseURL, AsLogin, 1)
	if err != nil {
		return err
	}
	defer func() { _ = login.Close() }() // nothing of it is needed any more
	if err := prepareRoles(ctx, login.DB); err != nil {
		return err
	}
	db, err := Open(ctx, databaseURL, RoleMigrate, migrateConns)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // as above
	provider, err := newProvider(db.DB)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// migrateConns: goose holds its lock on one connection and works on another.
const migrateConns = 2

// PendingMigrations reports whether the database lacks a migration that this program needs.
func PendingMigrations(ctx context.Context, db *sql.DB) (bool, error) {
	provider, err := newProvider(db)
	if err != nil {
		return false, err
	}
	return provider.HasPending(ctx)
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	// A session-level advisory lock around the whole run: only one replica migrates.
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
}

// Fingerprint identifies the set of migrations: it changes when one is added (or, in development, edited).
func Fingerprint() string {
	hash := sha256.New()
	entries, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		panic(err) // embedded
	}
	for _, entry := range entries {
		content, err := migrationFiles.ReadFile("migrations/" + entry.Name())
		if err != nil {
			panic(err) // embedded
		}
		fmt.Fprintf(hash, "%s %d\n", entry.Name(), len(content))
		hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}
