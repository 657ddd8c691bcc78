package postgres_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// staffListRows fill what staff look through: 3,000 of each, of which each filter leaves the oldest ten. $1 is the first id.
var staffListRows = []string{
	`SET session_replication_role = replica`, // the keys of what is pointed to are no matter here
	`CREATE FUNCTION pg_temp.nth(n integer) RETURNS uuid LANGUAGE sql AS $$ SELECT ('01900000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$`,
	`INSERT INTO audit_entries (id, at, actor_id, action) SELECT pg_temp.nth(n), now(), pg_temp.nth(1), 'a' FROM generate_series(1, 3000) n`,
	`INSERT INTO reconciliation_differences (id, order_id, payment_id, currency, captured_minor, refunded_minor, their_captured_minor, their_refunded_minor, resolved_at)
		SELECT pg_temp.nth(n), pg_temp.nth(n), pg_temp.nth(n), 'EUR', 0, 0, 0, 0, CASE WHEN n > 10 THEN now() END FROM generate_series(1, 3000) n`,
	// Of four charges one took money and is settled, one never took any, one is settled without having taken any, one may still take some.
	`INSERT INTO orphaned_charges (id, provider, reference, order_id, payment_id, currency, amount_minor, captured_minor, refunded_minor, status, charged_at, detected_at, resolved_at)
		SELECT pg_temp.nth(n), 'simulated', n::text, pg_temp.nth(n), pg_temp.nth(n), 'EUR', 1, 0, 0,
			CASE WHEN n <= 10 THEN 'CAPTURED' WHEN n % 4 = 0 THEN 'REFUNDED' WHEN n % 4 = 1 THEN 'RELEASED' ELSE 'PENDING' END, now(),
			CASE WHEN n <= 10 OR n <= 1000 AND n % 4 = 0 THEN now() END, CASE WHEN n > 10 AND n % 4 < 2 THEN now() END
		FROM generate_series(1, 3000) n`,
	`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, created_at, updated_at)
		SELECT pg_temp.nth(n), n::text, pg_temp.nth(1), 'CREATED', 1, 'EUR', 100, '[{}]', now(), now() FROM generate_series(1, 3000) n`,
	`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, attention, created_at, updated_at)
		SELECT id, id, customer_id, 'DECLINED', 100, 'EUR', 'simulated', 'AUTOMATIC', '', CASE WHEN number::integer > 2990 THEN 'MISMATCH' END, now(), now() FROM orders`,
	`SET session_replication_role = origin`,
}

// A page of what staff look through reads about as many rows as it has, whichever filter leaves few of many: on tables that were never
// analyzed, whose plans connections keep, and on ones that were.
func TestStaffListsReadAPage(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	filling, err := db.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = filling.Close() }()
	for _, statement := range staffListRows {
		if _, err := filling.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, analyzed := range []bool{false, true} {
		if analyzed {
			if _, err := db.ExecContext(t.Context(), `ANALYZE`); err != nil {
				t.Fatal(err)
			}
		}
		one := postgrestest.Pool(t, db.URL, postgres.RoleAPI)
		one.SetMaxOpenConns(1)
		store, orphans := postgrestest.Store(t, one, nil), postgres.NewOrphans(db.Worker, one, "simulated", "test")
		differences := postgres.NewReconciliation(db.Worker, one, "test")
		lists := map[string]func(pagination.Request) (int, error){
			"auditTrail": func(r pagination.Request) (int, error) {
				found, err := store.AuditTrail(t.Context(), staff, r)
				return len(found.Items), err
			},
			"reconciliation": func(r pagination.Request) (int, error) {
				found, err := differences.Entries(t.Context(), staff, r)
				return len(found.Items), err
			},
			"orphanedCharges": func(r pagination.Request) (int, error) {
				found, err := orphans.Orphans(t.Context(), staff, r, false)
				return len(found.Items), err
			},
			"orphanedCharges(includeResolved)": func(r pagination.Request) (int, error) {
				found, err := orphans.Orphans(t.Context(), staff, r, true)
				return len(found.Items), err
			},
			"attention": func(r pagination.Request) (int, error) {
				found, err := store.PaymentsNeedingAttention(t.Context(), staff, r)
				return len(found.Items), err
			},
		}
		for name, list := range lists {
			for _, after := range []id.Null[uuid.UUID]{{}, id.Some(uuid.MustParse("01900000-0000-7000-8000-000000002500"))} {
				before := rowsOf(t, one, "audit_entries", "reconciliation_differences", "orphaned_charges", "orders", "payments")
				n, err := list(pagination.Request{Limit: 5, After: after})
				if err != nil || n != 5 {
					t.Fatal(name, n, err)
				}
				// A payment is read with its order, and that with its payments.
				if read := rowsOf(t, one, "audit_entries", "reconciliation_differences", "orphaned_charges", "orders", "payments") - before; read > 4*(n+1) {
					t.Errorf("%s after %v, analyzed %v: %d rows were read for %d", name, after, analyzed, read, n)
				}
			}
		}
	}
}
