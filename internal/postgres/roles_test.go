package postgres_test

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// A database from before row-level security, whose user has no other rights: the error contains the statements for an administrator.
// After them the tables change their owner, rows get their customer, and each customer sees only their own.
func TestMigrateToRoles(t *testing.T) {
	t.Parallel()
	admin := postgrestest.Pool(t, pgtest.New(t, pgtest.Template{}), postgres.AsLogin)
	user := "shop_" + strings.ToLower(rand.Text()[:10])
	admin.MustExec(`CREATE ROLE ` + user + ` NOLOGIN`)
	t.Cleanup(func() { admin.MustExec(`DROP ROLE ` + user) }) // after its database, which is made later
	address := pgtest.New(t, pgtest.Template{})
	owner := postgrestest.Pool(t, address, postgres.AsLogin)
	var database string
	if err := owner.Get(&database, `SELECT quote_ident(current_database())`); err != nil {
		t.Fatal(err)
	}
	owner.MustExec(`ALTER DATABASE ` + database + ` OWNER TO ` + user)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query() // the cluster knows nobody else's password, so the superuser works as them
	query.Set("role", user)
	u.RawQuery = query.Encode()
	login := postgrestest.Pool(t, u.String(), postgres.AsLogin)
	if err := postgres.MigrateTo(t.Context(), login.DB, 10); err != nil {
		t.Fatal(err)
	}
	orders := map[id.Customer]id.Order{} // by customer
	for _, p := range []id.Customer{ada.CustomerID, grace.CustomerID} {
		orders[p] = id.New[id.Order]()
		for _, statement := range []string{
			`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, created_at, updated_at)
				VALUES ($1, $1::uuid::text, $2, 'CREATED', 1, 'EUR', 100, '[{}]', now(), now())`,
			`INSERT INTO payments (id, order_id, status, amount_minor, currency, provider, capture_method, method, created_at, updated_at)
				SELECT $1, $1, 'DECLINED', 100, 'EUR', 'simulated', 'AUTOMATIC', '', now(), now() WHERE $2::uuid IS NOT NULL`,
			`INSERT INTO refunds (id, order_id, payment_id, amount_minor, currency, status, created_at, updated_at)
				SELECT $1, $1, $1, 1, 'EUR', 'FAILED', now(), now() WHERE $2::uuid IS NOT NULL`,
			`INSERT INTO payment_attempts (id, order_id, payment_id, operation, calls, message, started_at)
				SELECT $1, $1, $1, 'AUTHORIZE', 0, '', now() WHERE $2::uuid IS NOT NULL`,
			`INSERT INTO order_work (order_id, due_at) SELECT $1, now() WHERE $2::uuid IS NOT NULL`,
		} {
			if _, err := login.ExecContext(t.Context(), statement, orders[p], p); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}

	err = postgres.Migrate(t.Context(), u.String())
	if err == nil {
		t.Fatal("it needs nobody's help, although its user may not make roles, nor give them to itself")
	}
	_, advice, found := strings.Cut(err.Error(), "in its database:")
	if !found || !strings.Contains(advice, "GRANT orderwire_api, orderwire_worker, orderwire_migrate TO "+user) {
		t.Fatalf("the error says not what to do: %v", err)
	}
	owner.MustExec(advice)
	if err := postgres.Migrate(t.Context(), u.String()); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.Context(), u.String()); err != nil {
		t.Errorf("again: %v", err)
	}

	for p, orderID := range orders {
		for _, table := range []string{"payments", "refunds", "payment_attempts", "order_work"} {
			var customer id.Customer
			if err := owner.Get(&customer, `SELECT customer_id FROM `+table+` WHERE order_id = $1`, orderID); err != nil || customer != p {
				t.Errorf("%s of %s belong to %s, %v", table, p, customer, err)
			}
		}
	}
	if n := count(t, &postgrestest.DB{DB: owner}, `pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')
		AND relowner <> 'orderwire_migrate'::regrole`); n > 0 {
		t.Errorf("%d tables did not change hands", n)
	}
	db := postgrestest.Connect(t, u.String())
	if err := postgres.EnsurePartitions(t.Context(), db.Owner, time.Now()); err != nil {
		t.Error(err)
	}
	store := postgrestest.Store(t, db.API, nil)
	for p, orderID := range orders {
		_, err := store.Order(t.Context(), ada, orderID)
		if (err == nil) != (p == ada.CustomerID) {
			t.Errorf("ada sees the order of %s: %v", p, err)
		}
	}
	create(t, store, ada)
	if _, err := postgres.Prune(t.Context(), db.Owner, time.Hour); err != nil {
		t.Error(err)
	}
}

// Restored without owners, a database gets them back, all of them; restored without privileges, it is refused with what to do.
func TestRestoredWithoutOwners(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	admin := postgrestest.Pool(t, url, postgres.AsLogin)
	const foreign = `
		SELECT 'TABLE ' || oid::regclass AS name FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S') AND relowner <> $1::text::regrole
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype IN ('a', 'i') AND pg_class.relkind = 'S')
		UNION ALL SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proowner <> $1::text::regrole`
	var login string
	var objects, left []string
	if err := admin.GetContext(t.Context(), &login, `SELECT quote_ident(current_user)`); err != nil {
		t.Fatal(err)
	}
	if err := admin.SelectContext(t.Context(), &objects, foreign, login); err != nil || len(objects) == 0 {
		t.Fatal(objects, err)
	}
	for _, object := range objects {
		admin.MustExec(`ALTER ` + object + ` OWNER TO ` + login)
	}
	if err := postgres.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if err := admin.SelectContext(t.Context(), &left, foreign, postgres.RoleMigrate); err != nil || len(left) != 0 {
		t.Errorf("still somebody else's: %q, %v", left, err)
	}
	admin.MustExec(`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM orderwire_api, orderwire_worker`)
	if err := postgres.Migrate(t.Context(), url); err == nil || !strings.Contains(err.Error(), "--no-privileges") {
		t.Errorf("without privileges: %v", err)
	}
}
