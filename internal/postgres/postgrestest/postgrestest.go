// Package postgrestest gives tests a migrated database of their own, in the roles that the server works in, with the store on it.
package postgrestest

import (
	"context"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres"
)

const maxConns = 8

// DB is a database as the tests' superuser sees it, whom no policy stops, and in each of the server's roles.
type DB struct {
	*sqlx.DB
	URL string
	// API, Worker and Owner are pools as the server has them.
	API, Worker, Owner *sqlx.DB
}

// URL of a fresh database with both schemas migrated: ours and the simulated provider's.
func URL(t testing.TB) string {
	t.Helper()
	return pgtest.New(t, pgtest.Template{
		Name:    "orderwire-" + postgres.Fingerprint() + "-" + simulated.Fingerprint(),
		Migrate: migrate,
	})
}

// Open connects to a fresh database.
func Open(t testing.TB) *DB {
	t.Helper()
	return Connect(t, URL(t))
}

// Connect opens further pools, as another replica would have.
func Connect(t testing.TB, url string) *DB {
	t.Helper()
	// What tests fill their tables with takes as long as it takes.
	patient := postgres.Limits{Statement: eventually.Patience, Silence: 2 * eventually.Patience}
	return &DB{
		DB: PoolWith(t, url, postgres.AsLogin, patient), URL: url,
		API: Pool(t, url, postgres.RoleAPI), Worker: Pool(t, url, postgres.RoleWorker), Owner: Pool(t, url, postgres.RoleMigrate),
	}
}

// Pool opens one pool in a role.
func Pool(t testing.TB, url string, role postgres.Role) *sqlx.DB {
	t.Helper()
	return PoolWith(t, url, role)
}

// PoolWith opens one pool in a role with options.
func PoolWith(t testing.TB, url string, role postgres.Role, with ...postgres.Option) *sqlx.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, role, maxConns, with...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Store starts a store on a pool. committed may be nil.
func Store(t testing.TB, pool *sqlx.DB, committed func([]postgres.Committed), options ...postgres.StoreOption) *postgres.Store {
	t.Helper()
	if committed == nil {
		committed = func([]postgres.Committed) {}
	}
	store, err := postgres.NewStore(t.Context(), pool, committed, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func migrate(ctx context.Context, url string) error {
	if err := postgres.Migrate(ctx, url); err != nil {
		return err
	}
	db, err := postgres.Open(ctx, url, postgres.AsLogin, 2)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return simulated.Migrate(ctx, db)
}
