package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"
)

// Role is in which role the connections of a pool work: what they may do, and which rows they see. None of ours can log in;
// the user of DATABASE_URL is a member of all.
type Role string

// The roles.
const (
	// AsLogin is the user of the URL itself.
	AsLogin Role = ""
	// RoleAPI sees what the principal of each statement may see, and changes no tables.
	RoleAPI Role = "orderwire_api"
	// RoleWorker works for everybody: the pipeline, the sequencer, webhooks, the reconciler.
	RoleWorker Role = "orderwire_worker"
	// RoleMigrate owns the tables: migrations, and the partitions that come and go.
	RoleMigrate Role = "orderwire_migrate"
)

var roles = []Role{RoleAPI, RoleWorker, RoleMigrate}

//go:embed roles.sql
var rolesSQL string

const (
	// Others of the cluster change the same rows of its catalogue.
	roleAttempts = 20
	rolePause    = 50 * time.Millisecond
)

// prepareRoles makes the roles that are missing, makes the user of db their member and RoleMigrate the owner of our tables,
// where that is not so yet.
func prepareRoles(ctx context.Context, db *sql.DB) error {
	for attempt := 1; ; attempt++ {
		_, err := db.ExecContext(ctx, rolesSQL)
		switch {
		case isCode(err, insufficientPrivilege, ""):
			return askAdministrator(ctx, db, err)
		case attempt < roleAttempts && (isCode(err, internalError, "") || isCode(err, uniqueViolation, "") || isCode(err, deadlockDetected, "")):
		case err != nil:
			return fmt.Errorf("roles of the database: %w", err)
		default:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rolePause):
		}
	}
}

// askAdministrator says what to do when the user of db may not prepare the roles.
func askAdministrator(ctx context.Context, db *sql.DB, cause error) error {
	var user, schema string
	missing := pq.StringArray{}
	err := db.QueryRowContext(ctx, `
		SELECT quote_ident(current_user), quote_ident(current_schema()), ARRAY(
			SELECT r FROM unnest($1::text[]) r WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r))`, stringsOf(roles)).Scan(&user, &schema, &missing)
	if err != nil {
		return errors.Join(cause, err)
	}
	all := strings.Join(stringsOf(roles), ", ")
	var b strings.Builder
	for _, r := range missing {
		fmt.Fprintf(&b, "\n  CREATE ROLE %s NOLOGIN;", r)
	}
	fmt.Fprintf(&b, "\n  GRANT %s TO %s;\n  GRANT USAGE ON SCHEMA %s TO %s;\n  GRANT CREATE ON SCHEMA %s TO %s;", all, user, schema, all, schema, RoleMigrate)
	return fmt.Errorf("the user of DATABASE_URL may not prepare the roles that Orderwire works in: %w; an administrator has to run this once, in its database:%s", cause, b.String())
}

var errNoPrivileges = errors.New("the roles orderwire_api and orderwire_worker have no privileges on the tables, as after a restore of a dump that was made " +
	"or restored with --no-privileges (--no-acl, -x); restore it into an empty database with its privileges")

// checkPrivileges refuses a database whose migrations have run, but which has lost what they granted.
func checkPrivileges(ctx context.Context, db *sql.DB) error {
	var granted bool
	err := db.QueryRowContext(ctx, `SELECT has_table_privilege('orderwire_api', 'orders', 'SELECT') AND has_table_privilege('orderwire_worker', 'orders', 'SELECT')`).Scan(&granted)
	if err == nil && !granted {
		err = errNoPrivileges
	}
	return err
}
