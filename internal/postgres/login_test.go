package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/pgembed"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// escapes are statements that an attacker would inject, with the SQLSTATEs of their refusals.
var escapes = []string{
	`RESET ROLE; CREATE ROLE mallory SUPERUSER`, `SET ROLE NONE; CREATE ROLE mallory`, `SET ROLE orderwire`, `SET ROLE orderwire_migrate`,
	`SET SESSION AUTHORIZATION orderwire`, `RESET SESSION AUTHORIZATION; CREATE ROLE mallory`, `SET SESSION AUTHORIZATION DEFAULT; CREATE ROLE mallory`,
	`SET ROLE pg_read_all_data`, `SET ROLE pg_execute_server_program`, `RESET ROLE; COPY (SELECT 1) TO PROGRAM 'true'`, `RESET ROLE; SELECT pg_read_file('PG_VERSION')`,
	`RESET ROLE; ALTER ROLE CURRENT_USER SUPERUSER`, `RESET ROLE; ALTER ROLE CURRENT_USER CREATEROLE`, `RESET ROLE; GRANT orderwire_migrate TO CURRENT_USER`,
	`RESET ROLE; ALTER TABLE orders DISABLE ROW LEVEL SECURITY`, `SET ROLE NONE; DROP TABLE orders`, `RESET ROLE; SELECT * FROM goose_db_version`,
	`RESET ALL; SET row_security = off; SELECT * FROM orders`, `SET session_replication_role = replica`, `DO $$ BEGIN SET LOCAL ROLE orderwire; END $$`,
	`RESET ROLE; TRUNCATE order_events`, `RESET ROLE; UPDATE order_events SET type = type`,
}

func checkNoEscape(t *testing.T, loginURL string) {
	t.Helper()
	for _, escape := range escapes {
		pool := postgrestest.Pool(t, loginURL, postgres.RoleAPI) // a session may be spoilt by what was tried
		tx := pool.MustBeginTx(t.Context(), nil)
		_, err := tx.ExecContext(t.Context(), escape)
		_ = tx.Rollback()
		_ = pool.Close()
		var told *pq.Error
		if !errors.As(err, &told) || told.Code.Class() != "42" {
			t.Errorf("%s: %v, want it refused", escape, err)
		}
	}
}

// Nothing that can be said on a connection of the API makes it another's, as it did when all signed in as a superuser.
func TestLogin(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	for _, role := range []postgres.Role{postgres.RoleAPI, postgres.RoleWorker, postgres.RoleMigrate} {
		if name := postgres.LoginName(role, pgembed.Superuser); !slices.Contains(pgembed.Logins, name) {
			t.Errorf("the private PostgreSQL does not let %s in", name)
		}
		login, err := postgres.Login(t.Context(), db.URL, role)
		if err != nil {
			t.Fatal(err)
		}
		pool := postgrestest.Pool(t, login, role)
		if err := postgres.CheckLogin(t.Context(), pool.DB, role); err != nil {
			t.Error(err)
		}
		if role == postgres.RoleAPI {
			create(t, postgrestest.Store(t, pool, nil), ada)
			checkNoEscape(t, login)
		}
	}
	if err := postgres.CheckLogin(t.Context(), db.API.DB, postgres.RoleAPI); err == nil {
		t.Error("a superuser in the role of the API passes for a login of its own")
	}
}

// withPasswords runs a cluster that asks for them, as everybody's own PostgreSQL does, and gives the URL of its superuser shop.
func withPasswords(t *testing.T) (address string, as func(user, password string) string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "owlogin-") // a short path, for its socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // for the account that runs PostgreSQL for root
		t.Fatal(err)
	}
	hba := filepath.Join(dir, "hba.conf")
	if err := os.WriteFile(hba, []byte("local all orderwire peer map=owner\nlocal all all scram-sha-256\n"), 0o644); err != nil { //nolint:gosec // as above
		t.Fatal(err)
	}
	cluster, err := pgembed.Start(t.Context(), pgembed.Config{DataDir: dir, Settings: map[string]string{"hba_file": hba, "fsync": "off"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop(context.WithoutCancel(t.Context())) })
	address = cluster.URL(pgembed.Database)
	return address, func(user, password string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(user, password)
		return u.String()
	}
}

// With a password in DATABASE_URL, as in docker-compose.yml: logins are made by themselves, follow a change of the password, and keep
// the schema of the user.
func TestLoginWithPasswords(t *testing.T) {
	t.Parallel()
	address, as := withPasswords(t)
	admin := postgrestest.Pool(t, address, postgres.AsLogin)
	admin.MustExec(`CREATE ROLE shop SUPERUSER LOGIN PASSWORD 'first'; ALTER ROLE shop SET search_path = shop; CREATE SCHEMA shop; CREATE ROLE maker LOGIN CREATEROLE PASSWORD 'm'; CREATE ROLE plain LOGIN PASSWORD 'p'`)
	for _, password := range []string{"first", "second"} {
		admin.MustExec(`ALTER ROLE shop PASSWORD '` + password + `'`)
		shop := as("shop", password)
		if err := postgres.Migrate(t.Context(), shop); err != nil {
			t.Fatal(err)
		}
		for range 2 { // made, and there already
			login, err := postgres.Login(t.Context(), shop, postgres.RoleAPI)
			if err != nil {
				t.Fatal(err)
			}
			pool := postgrestest.Pool(t, login, postgres.RoleAPI)
			var schema string
			if err := pool.Get(&schema, `SELECT current_schema()`); err != nil || schema != "shop" {
				t.Errorf("works in the schema %q, %v", schema, err)
			}
			if err := postgres.CheckLogin(t.Context(), pool.DB, postgres.RoleAPI); err != nil {
				t.Error(err)
			}
			checkNoEscape(t, login)
			for _, wrong := range []string{password, "", "x"} {
				if db, err := postgres.Open(t.Context(), as(postgres.LoginName(postgres.RoleAPI, "shop"), wrong), postgres.RoleAPI, 1); err == nil {
					t.Errorf("the password %q lets the login in", wrong)
					_ = db.Close()
				}
			}
		}
	}
	// A user who may not create logins gets a LoginError, and its own URL still works.
	admin.MustExec(`GRANT orderwire_api, orderwire_worker, orderwire_migrate TO plain`)
	var unable *postgres.LoginError
	if _, err := postgres.Login(t.Context(), as("plain", "p"), postgres.RoleAPI); !errors.As(err, &unable) {
		t.Errorf("a user without CREATEROLE: %v", err)
	}
	// A login that somebody has given more is not used.
	admin.MustExec(`GRANT orderwire_migrate TO orderwire_api_of_shop`)
	if _, err := postgres.Login(t.Context(), as("shop", "second"), postgres.RoleAPI); !errors.As(err, &unable) || !strings.Contains(err.Error(), "orderwire_migrate") {
		t.Errorf("a login that can become another: %v", err)
	}
}

func TestLoginNameFits(t *testing.T) {
	t.Parallel()
	long := postgres.LoginName(postgres.RoleMigrate, strings.Repeat("x", 63))
	if len(long) > 63 || long == postgres.LoginName(postgres.RoleMigrate, strings.Repeat("x", 62)) {
		t.Errorf("%q", long)
	}
}
