// Package postgrestest gives tests a migrated database of their own, with the store on it.
package postgrestest

import (
	"context"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres"
)

const maxConns = 8

// URL of a fresh database with both schemas migrated: ours and the simulated provider's.
func URL(t testing.TB) string {
	t.Helper()
	return pgtest.New(t, pgtest.Template{
		Name:    "orderwire-" + postgres.Fingerprint() + "-" + simulated.Fingerprint(),
		Migrate: migrate,
	})
}

// Open connects to a fresh database.
func Open(t testing.TB) *sqlx.DB {
	t.Helper()
	return Connect(t, URL(t))
}

// Connect opens a further pool, as another replica would have.
func Connect(t testing.TB, url string) *sqlx.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, maxConns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Store starts a store on db. committed may be nil.
func Store(t testing.TB, db *sqlx.DB, committed func([]postgres.Committed)) *postgres.Store {
	t.Helper()
	if committed == nil {
		committed = func([]postgres.Committed) {}
	}
	store, err := postgres.NewStore(t.Context(), db, committed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func migrate(ctx context.Context, url string) error {
	db, err := postgres.Open(ctx, url, 2)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := postgres.Migrate(ctx, db.DB); err != nil {
		return err
	}
	return simulated.Migrate(ctx, db)
}
