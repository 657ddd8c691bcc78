package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// verbs are the operations on a table, in the order of their letters in policies.
var verbs = []string{"SELECT", "INSERT", "UPDATE", "DELETE"}

// policies has every table: whose its rows are, and what the API may do with them at all.
var policies = map[string]struct {
	owner string // a column; "staff": nobody but staff; "public": everybody may read, staff may write; "none": no policy
	may   string // the first letters of verbs
}{
	"orders": {"customer_id", "SIU"}, "payments": {"customer_id", "SIU"}, "refunds": {"customer_id", "SIU"},
	"payment_attempts": {"customer_id", "SIU"}, "order_work": {"customer_id", "SIUD"},
	"order_events": {"customer_id", "SI"}, "feed": {"customer_id", "S"}, "idempotency_keys": {"actor", "SI"},
	"order_budgets": {"customer_id", "SIU"}, "attempt_budgets": {"customer_id", "SIU"}, "revocations": {"customer_id", "SIU"}, "known_users": {"customer_id", "S"},
	"products":      {"public", "SIU"},
	"audit_entries": {"staff", "SI"}, "reconciliation_differences": {"staff", "S"}, "orphaned_charges": {"staff", "S"},
	"webhook_endpoints": {"staff", "SIU"}, "webhook_secrets": {"staff", "SIUD"}, "webhook_deliveries": {"staff", "SU"},
	"webhook_replays": {"staff", "SIUD"},
	// How far the log goes is no secret, and says nothing of anybody.
	"event_log": {"none", "S"}, "feed_partitions": {"none", "S"},
	// Keyed hashes of addresses.
	"address_budgets": {"none", "SIU"},
	// What the API has no business with.
	"settings": {"none", ""}, "webhook_inbox": {"none", ""}, "webhook_fanout": {"none", ""}, "reconciliation": {"none", ""},
	"charge_walks":     {"none", ""},
	"goose_db_version": {"none", ""},
}

// TestRowSecurity asks PostgreSQL itself, as the API, for every table with every verb as everybody.
func TestRowSecurity(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	everyTable(t, db)
	people := map[string]string{
		"Unset": "", "Nobody": postgres.SettingOf(auth.Principal{CustomerID: ada.CustomerID}), "Other": postgres.SettingOf(grace), "Owner": postgres.SettingOf(ada),
		"Batch": postgres.SettingOf(grace) + "," + postgres.SettingOf(ada), "Staff": postgres.SettingOf(staff),
	}
	for table, policy := range policies {
		for _, verb := range verbs {
			for who, setting := range people {
				want := "1 row"
				switch {
				case !strings.Contains(policy.may, verb[:1]):
					want = "refused"
				case who == "Staff" || policy.owner == "none" || policy.owner == "public" && verb == "SELECT":
				case policy.owner != "staff" && policy.owner != "public" && (who == "Owner" || who == "Batch"):
				case verb == "INSERT":
					want = "refused"
				default:
					want = "0 rows"
				}
				if got := try(t, db, table, verb, who, setting); got != want {
					t.Errorf("%s: %s %s: %s, want %s", who, verb, table, got, want)
				}
			}
		}
	}
}

// try does it to the rows of a table, and to copies of its row for INSERT.
func try(t *testing.T, db *postgrestest.DB, table, verb, who, setting string) string {
	t.Helper()
	tx := db.API.MustBeginTx(t.Context(), nil)
	defer func() { _ = tx.Rollback() }() // nothing is to stay
	if who != "Unset" {
		tx.MustExec(`SELECT set_config('app.principal', $1, true)`, setting)
	}
	var statement string
	var args []any
	switch verb {
	case "SELECT":
		statement = `SELECT FROM ` + table
	case "INSERT":
		var row string
		if err := db.GetContext(t.Context(), &row, `SELECT to_jsonb(t)::text FROM `+table+` t`); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		statement, args = `INSERT INTO `+table+` SELECT * FROM jsonb_populate_record(NULL::`+table+`, $1::jsonb)`, []any{row}
	case "UPDATE":
		var column string
		if err := db.GetContext(t.Context(), &column, `SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 LIMIT 1`, table); err != nil {
			t.Fatal(err)
		}
		statement = fmt.Sprintf(`UPDATE %s SET %s = %s`, table, column, column)
	case "DELETE":
		statement = `DELETE FROM ` + table
	}
	result, err := tx.ExecContext(t.Context(), statement, args...)
	var refused *pq.Error
	switch {
	case errors.As(err, &refused) && refused.Code == "42501":
		return "refused"
	case errors.As(err, &refused) && refused.Code == "23505":
		return "1 row" // row-level security let it through, to a key that is there already
	case err != nil:
		t.Fatalf("%s %s: %v", verb, table, err)
	}
	switch n, _ := result.RowsAffected(); n {
	case 0:
		return "0 rows"
	case 1:
		return "1 row"
	default:
		return fmt.Sprint(n, " rows")
	}
}

// everyTable puts one row into every table, ada's where it is somebody's.
func everyTable(t *testing.T, db *postgrestest.DB) {
	t.Helper()
	create(t, postgrestest.Store(t, db.API, nil), ada)
	s := sequencer(t, db, time.Hour)
	take(t, s, true)
	assignAll(t, s)
	for _, statement := range []string{
		`INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, created_at, updated_at)
			SELECT gen_random_uuid(), order_id, customer_id, id, 1, 'EUR', 'FAILED', now(), now() FROM payments`,
		`INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, operation, calls, message, started_at)
			SELECT gen_random_uuid(), order_id, customer_id, id, 'AUTHORIZE', 0, '', now() FROM payments`,
		`INSERT INTO order_budgets SELECT customer_id, now() FROM orders`,
		`INSERT INTO attempt_budgets SELECT customer_id, now() FROM orders`,
		`INSERT INTO address_budgets SELECT gen_random_uuid(), now()`,
		`INSERT INTO revocations SELECT customer_id, now() FROM orders`,
		`INSERT INTO known_users SELECT customer_id FROM orders`,
		`INSERT INTO products (id, sku, name, description, price_minor, currency) VALUES (gen_random_uuid(), 'A', 'A', '', 1, 'EUR')`,
		`INSERT INTO audit_entries (id, at, actor_id, action) VALUES (gen_random_uuid(), now(), gen_random_uuid(), 'A')`,
		`INSERT INTO reconciliation_differences (id, order_id, payment_id, currency, captured_minor, refunded_minor, their_captured_minor, their_refunded_minor)
			SELECT gen_random_uuid(), order_id, id, 'EUR', 0, 0, 1, 0 FROM payments`,
		`INSERT INTO orphaned_charges (id, provider, reference, order_id, payment_id, currency, amount_minor, captured_minor, refunded_minor, status, charged_at, detected_at)
			VALUES (gen_random_uuid(), 'simulated', 'ch', gen_random_uuid(), gen_random_uuid(), 'EUR', 1, 1, 0, 'CAPTURED', now(), now())`,
		`INSERT INTO webhook_endpoints (id, url, event_types, from_position, created_at) VALUES (gen_random_uuid(), 'https://a.example', '{}', 0, now())`,
		`INSERT INTO webhook_secrets (id, endpoint_id, secret) SELECT gen_random_uuid(), id, repeat('k', 32)::bytea FROM webhook_endpoints`,
		`INSERT INTO webhook_deliveries (id, endpoint_id, event_id, event_type, body, next_attempt_at, created_at)
			SELECT gen_random_uuid(), id, gen_random_uuid(), 'ORDER_CREATED', '', now(), now() FROM webhook_endpoints`,
		`INSERT INTO webhook_replays (endpoint_id, id, from_position, position, to_position, created_at) SELECT id, id, 0, 0, 1, now() FROM webhook_endpoints`,
		`INSERT INTO webhook_inbox (provider, event_id, type) VALUES ('simulated', 'a', 'a')`,
		`INSERT INTO settings VALUES ('a', 'b')`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// Every table has a row in policies, and is as it says; only owners reach a partition except through its table.
func TestEveryTableHasAPolicy(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	if err := postgres.EnsurePartitions(t.Context(), db.Owner, time.Now()); err != nil {
		t.Fatal(err)
	}
	var tables []struct {
		Name      string         `db:"name"`
		Owner     string         `db:"owner"`
		Partition bool           `db:"partition"`
		Forced    bool           `db:"forced"`
		Granted   pq.StringArray `db:"granted"`
	}
	err := db.SelectContext(t.Context(), &tables, `
		SELECT relname AS name, relowner::regrole::text AS owner, relispartition AS partition, relrowsecurity AND relforcerowsecurity AS forced,
			ARRAY(SELECT DISTINCT a.grantee::regrole::text FROM aclexplode(relacl) a WHERE a.grantee <> relowner) AS granted
		FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')`)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, table := range tables {
		if table.Owner != string(postgres.RoleMigrate) {
			t.Errorf("%s belongs to %s", table.Name, table.Owner)
		}
		if table.Partition {
			if len(table.Granted) > 0 {
				t.Errorf("%v reach the partition %s around the policies of its table", table.Granted, table.Name)
			}
			continue
		}
		policy, decided := policies[table.Name]
		known[table.Name] = true
		switch {
		case !decided:
			t.Errorf("%s: whose its rows are has not been decided; see policies, and migration 11", table.Name)
		case table.Forced != (policy.owner != "none"):
			t.Errorf("%s: row-level security is forced: %v, its rows are %s", table.Name, table.Forced, policy.owner)
		case slices.Contains(table.Granted, "-") || slices.Contains(table.Granted, string(postgres.RoleAPI)) != (policy.may != ""):
			t.Errorf("%s is granted to %v, the API may %q", table.Name, table.Granted, policy.may)
		}
	}
	for name := range policies {
		if !known[name] {
			t.Errorf("%s does not exist", name)
		}
	}
}
