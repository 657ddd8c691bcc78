package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// migratedTo gives a database that a server of an older version has migrated.
func migratedTo(t *testing.T, version int64) (url string) {
	t.Helper()
	return pgtest.New(t, pgtest.Template{
		Name: fmt.Sprintf("migrated-to-%d-%s", version, postgres.Fingerprint()),
		Migrate: func(ctx context.Context, url string) error {
			db, err := postgres.Open(ctx, url, postgres.AsLogin, 2)
			if err != nil {
				return err
			}
			err = postgres.PrepareRoles(ctx, db.DB)
			if err := errors.Join(err, db.Close()); err != nil {
				return err
			}
			if db, err = postgres.Open(ctx, url, postgres.RoleMigrate, 2); err != nil {
				return err
			}
			return errors.Join(postgres.MigrateTo(ctx, db.DB, version), db.Close())
		},
	})
}

// tries counts how often a migration was tried again.
type tries struct {
	n    atomic.Int64
	text bytes.Buffer
}

func (r *tries) Write(line []byte) (int, error) {
	r.n.Add(1)
	return r.text.Write(line)
}

func (r *tries) log() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

// Servers that start at the same time, on an empty database or an old one, wait for each other, and all come up.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"OKEmpty": func(t *testing.T) string { return pgtest.New(t, pgtest.Template{}) },
		"OKOld":   func(t *testing.T) string { return migratedTo(t, oldVersion) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := url(t)
			var servers sync.WaitGroup
			for range 4 {
				servers.Go(func() {
					if err := postgres.Migrate(t.Context(), url); err != nil {
						t.Error(err)
					}
				})
			}
			servers.Wait()
			if pending, err := postgres.PendingMigrations(t.Context(), postgrestest.Pool(t, url, postgres.RoleMigrate).DB); pending || err != nil {
				t.Errorf("pending: %v, %v", pending, err)
			}
		})
	}
}

// A migration that never gets its locks changes nothing and says what to do; the next start continues where it stopped.
func TestMigrateSaysWhatToDo(t *testing.T) {
	t.Parallel()
	url := migratedTo(t, oldVersion)
	backup, err := postgrestest.Pool(t, url, postgres.AsLogin).BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.ExecContext(t.Context(), `LOCK TABLE event_log IN ACCESS SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	pool := postgrestest.PoolWith(t, url, postgres.RoleMigrate, postgres.MigrateLimits)
	tries := &tries{}
	err = postgres.MigrateUp(t.Context(), pool.DB, time.Nanosecond, tries.log())
	for _, part := range []string{"migration 14 did not get its locks", "changed nothing", "pg_stat_activity"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Fatalf("it does not say %q: %v", part, err)
		}
	}
	if err := backup.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := postgres.MigrateUp(t.Context(), pool.DB, eventually.Patience, tries.log()); err != nil {
		t.Error(err)
	}
}

// A server beside a schema that a later version has made starts, and is ready: replicas are replaced one after the other.
func TestMigrateBesideNewer(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	owner := postgrestest.Pool(t, url, postgres.RoleMigrate)
	if _, err := owner.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`); err != nil {
		t.Fatal(err)
	}
	if pending, err := postgres.PendingMigrations(t.Context(), owner.DB); pending || err != nil {
		t.Errorf("pending: %v, %v", pending, err)
	}
	if err := postgres.Migrate(t.Context(), url); err != nil {
		t.Error(err)
	}
}
