package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// A backup of before there were installation ids gets the id that its original got, and its walk begins at its newest order.
func TestInstallationOfOldBackups(t *testing.T) {
	t.Parallel()
	const before = 18
	type copied struct {
		installation uuid.UUID
		walkedUntil  time.Time
	}
	upgrade := func(product string) (c copied) {
		url := migratedTo(t, before)
		db := postgrestest.Pool(t, url, postgres.RoleMigrate)
		for _, statement := range []string{
			`INSERT INTO products (id, sku, name, description, price_minor, currency) VALUES ('` + product + `', 'A', 'A', '', 1, 'EUR'), (gen_random_uuid(), 'B', 'B', '', 1, 'EUR')`,
			`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, created_at, updated_at)
				SELECT ('01a2' || lpad(n::text, 4, '0') || '-0000-7000-8000-000000000000')::uuid, n::text, gen_random_uuid(), 'CREATED', 1, 'EUR', 100, '[{}]',
					'2026-01-01Z'::timestamptz + n * interval '1 hour', now() FROM generate_series(1, 3) n`,
		} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if err := postgres.Migrate(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		var err error
		if c.installation, err = postgrestest.Store(t, postgrestest.Pool(t, url, postgres.RoleWorker), nil).Installation(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := db.GetContext(t.Context(), &c.walkedUntil, `SELECT walked_until FROM charge_walks WHERE provider = 'stripe'`); err != nil {
			t.Fatal(err)
		}
		return c
	}
	one, same, other := upgrade("01a00000-0000-7000-8000-000000000001"), upgrade("01a00000-0000-7000-8000-000000000001"), upgrade("01a00000-0000-7000-8000-000000000002")
	if one.installation != same.installation || one.installation == other.installation || one.installation == uuid.Nil {
		t.Errorf("%s, its copy %s, another %s", one.installation, same.installation, other.installation)
	}
	if want := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC); !one.walkedUntil.Equal(want) {
		t.Errorf("walked until %s, want %s", one.walkedUntil, want)
	}
}
