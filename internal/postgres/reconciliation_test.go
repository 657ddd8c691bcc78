package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// However many payments, differences and webhooks there are, a look reads only what it is about.
func TestReconciliationAndInboxReadTheirIndexes(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	for _, statement := range []string{
		`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, created_at, updated_at)
			SELECT gen_random_uuid(), n::text, gen_random_uuid(), 'CREATED', 1, 'EUR', 100, '[{}]', now(), now() FROM generate_series(1, 5000) n`,
		`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, provider_reference, capture_method, method, attention, created_at, updated_at)
			SELECT gen_random_uuid(), id, customer_id, 'DECLINED', 100, 'EUR', 'simulated', 'ch_' || number, 'AUTOMATIC', '',
				CASE WHEN number::int % 1000 = 0 THEN 'MISMATCH' END, now(), now() - number::int * interval '1 minute' FROM orders`,
		`INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, operation, outcome, calls, message, started_at, finished_at)
			SELECT gen_random_uuid(), order_id, customer_id, id, 'AUTHORIZE', 'FAIL', 1, '', now(), now() FROM payments`,
		`INSERT INTO reconciliation_differences (id, order_id, payment_id, currency, captured_minor, refunded_minor, their_captured_minor, their_refunded_minor, resolved_at)
			SELECT gen_random_uuid(), order_id, id, 'EUR', 0, 0, 1, 0, CASE WHEN attention IS NULL THEN now() END FROM payments`,
		`INSERT INTO webhook_inbox (provider, event_id, type, payment_id, reference, status, due_at, finished_at)
			SELECT 'simulated', n::text, 't', gen_random_uuid(), 'ch_' || n, 'DONE', NULL, now() FROM generate_series(1, 5000) n`,
		`INSERT INTO webhook_inbox (provider, event_id, type, reference) SELECT 'simulated', 'new' || n, 't', 'ch_' || n FROM generate_series(1, 40) n`,
		`ANALYZE`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		statement string
		args      []any
		indexes   []string
	}{
		"final":     {postgres.ReconcileAtRest, []any{pq.Array([]string{"simulated", "stripe"}), time.Now().Add(-time.Hour), uuid.Nil, time.Now(), 32}, []string{"payments_at_rest"}},
		"differing": {postgres.ReconcileDiffering, []any{pq.Array([]string{"simulated", "stripe"}), uuid.Nil, 32}, []string{"reconciliation_differences_open", "payments_needing_attention"}},
		"unknown":   {postgres.ReconcileUnknown, []any{pq.Array([]string{"simulated", "stripe"}), uuid.Nil, 32}, []string{"payments_needing_attention"}},
		"claim":     {postgres.InboxClaim, []any{32, 30.0}, []string{"webhook_inbox_due", "payments_by_reference", "payments_pkey"}},
	} {
		var lines []string
		if err := db.SelectContext(t.Context(), &lines, "EXPLAIN "+c.statement, c.args...); err != nil {
			t.Fatal(name, err)
		}
		plan := strings.Join(lines, "\n")
		for _, index := range c.indexes {
			if !strings.Contains(plan, index) {
				t.Errorf("%s: without %s\n%s", name, index, plan)
			}
		}
		for _, table := range []string{"payments", "orders", "payment_attempts", "webhook_inbox"} {
			for _, line := range lines {
				if strings.Contains(line, "Seq Scan on "+table+" ") {
					t.Errorf("%s reads all of %s\n%s", name, table, plan)
				}
			}
		}
	}
}
