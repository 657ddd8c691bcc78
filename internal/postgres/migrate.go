package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrate brings the roles and the schema of the database at a lib/pq URL up to date, while servers of earlier versions work on it.
// Replicas that start together wait for each other. Migrations are append-only: what has run somewhere is never edited. How to write
// one: docs/migrations.md.
func Migrate(ctx context.Context, databaseURL string) error {
	login, err := Open(ctx, databaseURL, AsLogin, migrateConns)
	if err != nil {
		return err
	}
	defer func() { _ = login.Close() }() // nothing of it is needed any more
	if err := CheckSessions(ctx, login.DB); err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	if err := prepareRoles(ctx, login.DB); err != nil {
		return err
	}
	db, err := Open(ctx, databaseURL, RoleMigrate, migrateConns, migrateLimits)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // as above
	if err := (migrator{db: db.DB, patience: migratePatience, log: slog.Default()}).up(ctx); err != nil {
		return err
	}
	return checkPrivileges(ctx, db.DB)
}

const (
	// migrateConns: goose holds its lock on one connection and works on another, and CheckSessions compares two.
	migrateConns = 2
	// migratePatience bounds the attempts of a migration that does not get its locks.
	migratePatience = 2 * time.Minute
	// Between two tries, with as much again at random, those who wrote meanwhile get through.
	migratePause = 250 * time.Millisecond
	// Another replica that migrates is waited for as long as it takes: it returns an error itself if it cannot continue.
	migrateTurnSeconds = 1
	migrateTurns       = 24 * 60 * 60
)

// migrateLimits: a lock that a table's readers or writers hold is waited for only for a moment, because everybody who comes meanwhile
// queues behind the migration. That is also less than deadlock_timeout (1 s by default): of a migration and a writer that wait for each
// other the migration gives way, and the writer notices nothing. An index of a large table takes as long as it takes.
var migrateLimits = Limits{Lock: 200 * time.Millisecond, Statement: 24 * time.Hour, Silence: 25 * time.Hour}

// migrator brings one database up to date.
type migrator struct {
	db       *sql.DB
	patience time.Duration
	log      *slog.Logger
}

// up runs the migrations that are missing, one by one. One that does not get its locks changes nothing and is tried again.
func (m migrator) up(ctx context.Context) error {
	provider, err := newProvider(m.db)
	if err != nil {
		return err
	}
	// Each migration begins with connections of its own, and so with migrateLimits, whatever one before it has set or reset.
	m.db.SetMaxIdleConns(0)
	began := time.Now()
	for {
		_, err := provider.UpByOne(ctx)
		var partial *goose.PartialError
		switch {
		case errors.Is(err, goose.ErrNoNextVersion):
			return nil
		case err == nil:
			began = time.Now()
			continue
		case !errors.As(err, &partial) || !isCode(err, lockNotAvailable, "") && !isCode(err, deadlockDetected, ""):
			return fmt.Errorf("migrate: %w", err)
		}
		version := partial.Failed.Source.Version
		if time.Since(began) > m.patience {
			return fmt.Errorf("migration %d did not get its locks within %s, because other sessions hold them: a backup, a report, or a transaction "+
				"that was left open. It has changed nothing, and servers of the earlier version keep working. Find those sessions "+
				"(SELECT pid, xact_start, query FROM pg_stat_activity ORDER BY xact_start), end them or wait, and start again: %w", version, m.patience, err)
		}
		m.log.InfoContext(ctx, "a migration waits for its locks on the tables", "migration", version, "error", partial.Err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(migratePause + rand.N(migratePause)): //nolint:gosec // spreads load, hides nothing
		}
	}
}

// PendingMigrations reports whether the database lacks a migration that this program needs. One that has more, made by a later version, is
// no problem: migrations leave servers of the version before working, so that replicas are replaced one after the other.
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
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(migrateTurnSeconds, migrateTurns))
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
