package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// Whatever a statement of the API says on whose behalf it runs, PostgreSQL keeps each row with the owner of its order.
func TestOwnersAreTied(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	mine, theirs := create(t, store, ada), create(t, store, grace)
	for _, statement := range []string{
		`INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, created_at, updated_at)
			SELECT gen_random_uuid(), order_id, customer_id, id, 1, 'EUR', 'FAILED', now(), now() FROM payments`,
		`INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, refund_id, operation, calls, message, started_at)
			SELECT gen_random_uuid(), order_id, customer_id, payment_id, id, 'REFUND', 0, '', now() FROM refunds`,
	} {
		db.MustExec(statement)
	}
	const (
		foreignKey = "23503"
		refused    = "42501"
	)
	// $1 ada's order, $2 grace's; $3 ada, $4 grace.
	if err := postgres.EnsurePartitions(t.Context(), db.Owner, time.Now()); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		statement string
		codes     []string
	}{
		"payment of another's order": {`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, created_at, updated_at)
			SELECT gen_random_uuid(), $2, $3, 'DECLINED', 1, 'EUR', 'simulated', 'AUTOMATIC', '', now(), now() WHERE $1 <> $4`, []string{foreignKey}},
		"refund of another's order": {`INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, created_at, updated_at)
			SELECT gen_random_uuid(), $2, $3, id, 1, 'EUR', 'FAILED', now(), now() FROM payments WHERE order_id = $1 AND $4 <> $3`, []string{foreignKey}},
		"refund of another order's payment": {`INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, created_at, updated_at)
			SELECT gen_random_uuid(), $1, $3, (SELECT id FROM payments WHERE order_id = $2), 1, 'EUR', 'FAILED', now(), now() WHERE $4 <> $3`, []string{foreignKey, "23502"}},
		"attempt at another's order": {`INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, operation, calls, message, started_at)
			SELECT gen_random_uuid(), $2, $3, id, 'AUTHORIZE', 0, '', now() FROM payments WHERE order_id = $1 AND $4 <> $3`, []string{foreignKey}},
		"attempt at another order's payment": {`INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, operation, calls, message, started_at)
			SELECT gen_random_uuid(), $1, $3, (SELECT id FROM payments WHERE order_id = $2), 'AUTHORIZE', 0, '', now() WHERE $4 <> $3`, []string{foreignKey, "23502"}},
		"timer of another's order": {`INSERT INTO order_work (order_id, customer_id, due_at) SELECT $2, $3, now() WHERE $1 <> $4`, []string{foreignKey, "23505"}},
		"event of another's order": {`INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, request_id, occurred_at, data, state, log_epoch)
			SELECT $2, 2, gen_random_uuid(), 'A', $3, 'CUSTOMER', '', now(), '{}', '{}', 1 WHERE $1 <> $4`, []string{foreignKey}},
		"event of no order": {`INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, request_id, occurred_at, data, state, log_epoch)
			SELECT gen_random_uuid(), 2, gen_random_uuid(), 'A', $3, 'CUSTOMER', '', now(), '{}', '{}', 1 WHERE $1 <> $2 AND $3 <> $4`, []string{foreignKey}},
		"event that gives ours away": {`INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, request_id, occurred_at, data, state, log_epoch)
			SELECT $1, 2, gen_random_uuid(), 'A', $4, 'CUSTOMER', '', now(), '{}', '{}', 1 WHERE $2 <> $3`, []string{foreignKey, refused}},
		"order changes hands":     {`UPDATE orders SET customer_id = $4 WHERE id = $1 AND $2 <> $3`, []string{refused}},
		"order changes its id":    {`UPDATE orders SET id = gen_random_uuid() WHERE id = $1 AND $2 <> $3 AND $3 <> $4`, []string{refused}},
		"payment changes hands":   {`UPDATE payments SET customer_id = $4 WHERE order_id = $1 AND $2 <> $3`, []string{refused}},
		"payment moves":           {`UPDATE payments SET order_id = $2 WHERE order_id = $1 AND $3 <> $4`, []string{refused}},
		"refund moves":            {`UPDATE refunds SET order_id = $2, customer_id = $4 WHERE order_id = $1 AND $3 <> $4`, []string{refused}},
		"refund is another's":     {`UPDATE refunds SET payment_id = gen_random_uuid() WHERE order_id = $1 AND $2 <> $3 AND $3 <> $4`, []string{refused}},
		"attempt moves":           {`UPDATE payment_attempts SET order_id = $2 WHERE order_id = $1 AND $3 <> $4`, []string{refused}},
		"attempt is another's":    {`UPDATE payment_attempts SET refund_id = gen_random_uuid() WHERE order_id = $1 AND $2 <> $3 AND $3 <> $4`, []string{refused}},
		"timer changes hands":     {`UPDATE order_work SET customer_id = $4 WHERE order_id = $1 AND $2 <> $3`, []string{refused}},
		"replaced by ON CONFLICT": {`INSERT INTO order_work (order_id, customer_id, due_at) SELECT $1, $3, now() WHERE $2 <> $4 ON CONFLICT (order_id) DO UPDATE SET customer_id = $4`, []string{refused}},
		"payment by ON CONFLICT":  {`INSERT INTO payments SELECT * FROM payments WHERE order_id = $1 AND $3 <> $4 ON CONFLICT (id) DO UPDATE SET order_id = $2`, []string{refused}},
		"OK event of our own order": {`INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, request_id, occurred_at, data, state, log_epoch)
			SELECT $1, 2, gen_random_uuid(), 'A', $3, 'CUSTOMER', '', now(), '{}', '{}', 1 WHERE $2 <> $4`, nil},
		"OK as it was": {`UPDATE orders SET customer_id = customer_id, id = id, updated_at = now() WHERE id = $1 AND $2 <> $3 AND $3 <> $4`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for who, setting := range map[string]string{
				"Owner": postgres.SettingOf(ada), "Batch": postgres.SettingOf(grace) + "," + postgres.SettingOf(ada), "Staff": postgres.SettingOf(staff), "Worker": "*",
			} {
				pool := db.API
				if who == "Worker" {
					pool = db.Worker
				}
				err := inPrincipal(t, pool, setting, tt.statement, mine.ID, theirs.ID, ada, grace)
				var told *pq.Error
				switch {
				case tt.codes == nil && err != nil:
					t.Errorf("%s: %v", who, err)
				case tt.codes != nil && (!errors.As(err, &told) || !slices.Contains(tt.codes, string(told.Code))):
					t.Errorf("%s: %v, want one of %v", who, err, tt.codes)
				}
			}
		})
	}
}

// inPrincipal runs a statement as the principal in setting, and rolls it back.
func inPrincipal(t *testing.T, pool *sqlx.DB, setting, statement string, mine, theirs id.Order, owner, other auth.Principal) error {
	t.Helper()
	tx := pool.MustBeginTx(t.Context(), nil)
	defer func() { _ = tx.Rollback() }() // nothing is to stay
	tx.MustExec(`SELECT set_config('app.principal', $1, true)`, setting)
	typed := strings.NewReplacer("$1", "$1::uuid", "$2", "$2::uuid", "$3", "$3::uuid", "$4", "$4::uuid").Replace(statement)
	result, err := tx.ExecContext(t.Context(), typed, mine, theirs, owner.CustomerID, other.CustomerID)
	if err == nil {
		if n, _ := result.RowsAffected(); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	}
	return err
}

// A database from before the ties gets them with its rows.
func TestMigrateToTiedOwners(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t, pgtest.Template{})
	db := &postgrestest.DB{DB: postgrestest.Pool(t, url, postgres.AsLogin), URL: url}
	if err := errors.Join(postgres.PrepareRoles(t.Context(), db.DB.DB), postgres.MigrateTo(t.Context(), db.DB.DB, 14)); err != nil {
		t.Fatal(err)
	}
	db.MustExec(`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, created_at, updated_at)
		VALUES (gen_random_uuid(), 'A', gen_random_uuid(), 'CREATED', 1, 'EUR', 100, '[{}]', now(), now())`)
	db.MustExec(`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, created_at, updated_at)
		SELECT gen_random_uuid(), id, customer_id, 'DECLINED', 100, 'EUR', 'simulated', 'AUTOMATIC', '', now(), now() FROM orders`)
	db.MustExec(`INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, created_at, updated_at)
		SELECT gen_random_uuid(), order_id, customer_id, id, 1, 'EUR', 'FAILED', now(), now() FROM payments`)
	// What an attempt that was killed may leave: an index that is there already.
	db.MustExec(`CREATE UNIQUE INDEX orders_by_owner ON orders (customer_id, id)`)
	if err := postgres.Migrate(t.Context(), db.URL); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, `pg_constraint WHERE contype = 'f' AND conname LIKE '%\_of\_%' AND convalidated AND conparentid = 0`); n != 9 {
		t.Errorf("%d keys are validated, want 9", n)
	}
	if n := count(t, db, `pg_index WHERE NOT indisvalid`); n != 0 {
		t.Errorf("%d indexes are not whole", n)
	}
	if err := postgres.EnsurePartitions(t.Context(), postgrestest.Pool(t, db.URL, postgres.RoleMigrate), time.Now()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, `pg_constraint WHERE contype = 'f' AND conname LIKE 'order\_events\_of\_owner%'`); n < 3 {
		t.Errorf("%d tables have the key of events, want each partition too", n)
	}
}
