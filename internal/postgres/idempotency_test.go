package postgres_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// Old keys go, however many; young ones stay.
func TestPruneKeys(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	const old, young = 2500, 30
	_, err := db.ExecContext(t.Context(), `
		INSERT INTO idempotency_keys (actor, operation, key, request_hash, order_id, entity_id, created_at)
		SELECT gen_random_uuid(), 'orderCreate', n::text, decode(repeat('00', 32), 'hex'), gen_random_uuid(), gen_random_uuid(),
			now() - CASE WHEN n <= $1 THEN interval '49 hours' ELSE interval '47 hours' END
		FROM generate_series(1, $1 + $2::int) n`, old, young)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := postgres.PruneKeys(t.Context(), db.Worker, postgres.KeyRetention); n != old || err != nil {
		t.Errorf("pruned %d, %v, want %d", n, err, old)
	}
	var left int
	if err := db.GetContext(t.Context(), &left, `SELECT count(*) FROM idempotency_keys`); err != nil || left != young {
		t.Errorf("%d left, %v, want %d", left, err, young)
	}
	if n, err := postgres.PruneKeys(t.Context(), db.Worker, postgres.KeyRetention); n != 0 || err != nil {
		t.Errorf("pruned %d more, %v", n, err)
	}
}
