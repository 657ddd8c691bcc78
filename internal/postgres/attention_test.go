package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// However many payments there are, the list reads only those that need a person.
func TestAttentionReadsItsIndex(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	for _, statement := range []string{
		`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, created_at, updated_at)
			SELECT gen_random_uuid(), n::text, gen_random_uuid(), 'CREATED', 1, 'EUR', 100, '[{}]', now(), now() FROM generate_series(1, 5000) n`,
		`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, attention, created_at, updated_at)
			SELECT gen_random_uuid(), id, customer_id, 'DECLINED', 100, 'EUR', 'simulated', 'AUTOMATIC', '', CASE WHEN number::int % 1000 = 0 THEN 'MISMATCH' END, now(), now() FROM orders`,
		`ANALYZE orders`, `ANALYZE payments`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	statement, args := postgres.AttentionQuery(staff, pagination.Request{Limit: 20, After: id.Some(id.New[uuid.UUID]())})
	var lines []string
	if err := db.SelectContext(t.Context(), &lines, "EXPLAIN "+statement, args...); err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	if !strings.Contains(plan, "payments_needing_attention") || strings.Contains(plan, "Seq Scan on payments") || strings.Contains(plan, "Seq Scan on orders") {
		t.Error(plan)
	}
	store := postgrestest.Store(t, db.API, nil)
	if found, err := store.PaymentsNeedingAttention(t.Context(), staff, pagination.Request{Limit: 20}); err != nil || len(found.Items) != 5 {
		t.Errorf("%d found, %v", len(found.Items), err)
	}
	if found, err := store.PaymentsNeedingAttention(t.Context(), ada, pagination.Request{Limit: 20}); err != nil || len(found.Items) != 0 {
		t.Errorf("a customer finds %d of others', %v", len(found.Items), err)
	}
}
