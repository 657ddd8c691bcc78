package postgres

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/pgurl"
)

// A connection that signs in as the user of DATABASE_URL can leave its role: RESET goes back to the role it began with, but SET
// ROLE NONE and SET SESSION AUTHORIZATION do not, and that user owns everything and may be a superuser. So each pool signs in
// as somebody of its own, a member of its role and of no other, who can become nobody else.

// LoginName returns the name of a role's login if the user of DATABASE_URL is owner. Users of one cluster have logins of their own.
func LoginName(role Role, owner string) string {
	name := string(role) + "_of_" + owner
	if len(name) > 63 { // PostgreSQL would cut it off
		sum := sha256.Sum256([]byte(owner))
		name = string(role) + "_of_" + hex.EncodeToString(sum[:16])
	}
	return name
}

// LoginError says why a role has no login of its own.
type LoginError struct {
	Role Role
	Err  error
}

// Error implements error.
func (e *LoginError) Error() string {
	return fmt.Sprintf("a login of its own for %s: %v", e.Role, e.Err)
}

// Unwrap implements errors.Unwrap's contract.
func (e *LoginError) Unwrap() error { return e.Err }

// Login returns a DATABASE_URL whose login is a member of the role only, and creates that login if it is missing. Its password is
// derived from that of the URL, so replicas agree on it and nothing is stored. The error is a *LoginError if the user of the URL
// may not create logins, or PostgreSQL refuses unknown logins: the URL itself still works.
func Login(ctx context.Context, databaseURL string, role Role) (string, error) {
	source, err := pgurl.Parse(databaseURL)
	if err != nil {
		return "", fmt.Errorf("DATABASE_URL: %w", err)
	}
	owner, err := Open(ctx, databaseURL, AsLogin, 1)
	if err != nil {
		return "", err
	}
	defer func() { _ = owner.Close() }() // nothing of it is needed any more
	var now struct {
		User   string         `db:"user"`
		Schema sql.NullString `db:"schema"`
		Path   string         `db:"path"`
	}
	tx, err := owner.BeginTxx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	if _, err := tx.ExecContext(ctx, `SET LOCAL ROLE `+string(role)); err != nil {
		return "", err
	}
	err = tx.GetContext(ctx, &now, `SELECT session_user AS user, current_schema() AS schema,
		(SELECT coalesce(string_agg(quote_ident(s), ', '), '') FROM unnest(current_schemas(false)) s) AS path`)
	if err = errors.Join(err, tx.Rollback()); err != nil {
		return "", err
	}
	login := LoginName(role, now.User)
	password := cmp.Or(source.Options["password"], os.Getenv("PGPASSWORD"))
	has := password != ""
	source.Options["user"] = login
	if has {
		password = derivePassword(password, login)
		source.Options["password"] = password
	}

	if err := prepareLogin(ctx, owner.DB, login, role, password); err != nil {
		return "", &LoginError{role, err}
	}
	schema, err := checkLogin(ctx, source.String(), role)
	if refusesLogin(err) && has { // the password of the URL is another than when the login was made
		if _, err := owner.ExecContext(ctx, `ALTER ROLE `+pq.QuoteIdentifier(login)+` PASSWORD `+pq.QuoteLiteral(scramVerifier(password))); err != nil {
			return "", &LoginError{role, err}
		}
		schema, err = checkLogin(ctx, source.String(), role)
	}
	switch {
	case refusesLogin(err):
		return "", &LoginError{role, err}
	case err != nil:
		return "", err
	case schema != now.Schema: // which the user has by a setting
		source.Settings["search_path"] = now.Path
	}
	return source.String(), nil
}

// prepareLogin makes the login and lets it connect and work in its role, where that is not so yet.
func prepareLogin(ctx context.Context, owner *sql.DB, login string, role Role, password string) error {
	for attempt := 1; ; attempt++ {
		err := makeLogin(ctx, owner, login, role, password)
		// Others of the cluster make it, or change the same rows of the catalogue.
		again := isCode(err, internalError, "") || isCode(err, uniqueViolation, "") || isCode(err, "42710", "") || isCode(err, deadlockDetected, "")
		if !again || attempt == roleAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rolePause):
		}
	}
}

func makeLogin(ctx context.Context, owner *sql.DB, login string, role Role, password string) error {
	var exists, member, connects bool
	err := owner.QueryRowContext(ctx, `
		SELECT r.oid IS NOT NULL, EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid AND m.roleid = $2::text::regrole),
			coalesce(has_database_privilege(r.oid, current_database(), 'CONNECT'), false)
		FROM (SELECT) one LEFT JOIN pg_roles r ON r.rolname = $1::text`, login, string(role)).Scan(&exists, &member, &connects)
	if err != nil {
		return err
	}
	name := pq.QuoteIdentifier(login)
	if !exists {
		statement := `CREATE ROLE ` + name + ` LOGIN`
		if password != "" {
			// As a verifier, so that the password stands in no log of statements.
			statement += ` PASSWORD ` + pq.QuoteLiteral(scramVerifier(password))
		}
		if _, err := owner.ExecContext(ctx, statement); err != nil {
			return err
		}
		connects = false // not known
	}
	if !member {
		if _, err := owner.ExecContext(ctx, `GRANT `+string(role)+` TO `+name); err != nil {
			return err
		}
	}
	if connects {
		return nil
	}
	_, err = owner.ExecContext(ctx, `DO $$ BEGIN
		IF NOT has_database_privilege(`+pq.QuoteLiteral(login)+`, current_database(), 'CONNECT') THEN
			EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), `+pq.QuoteLiteral(login)+`);
		END IF;
	END $$`)
	return err
}

// checkLogin signs in and makes sure that the login is of its role only. It returns the schema that it works in.
func checkLogin(ctx context.Context, loginURL string, role Role) (schema sql.NullString, err error) {
	db, err := Open(ctx, loginURL, role, 1)
	if err != nil {
		return schema, err
	}
	defer func() { _ = db.Close() }() // as in Login
	if err := CheckLogin(ctx, db.DB, role); err != nil {
		return schema, err
	}
	err = db.GetContext(ctx, &schema, `SELECT current_schema()`)
	return schema, err
}

// CheckLogin refuses a login with more rights than its role: a superuser, one with CREATEROLE, BYPASSRLS or REPLICATION, or a
// member of another role.
func CheckLogin(ctx context.Context, db *sql.DB, role Role) error {
	var user string
	var may []string
	err := db.QueryRowContext(ctx, `
		SELECT session_user, array_remove(ARRAY[
			CASE WHEN rolsuper THEN 'is a superuser' END, CASE WHEN rolcreaterole THEN 'may create roles' END,
			CASE WHEN rolbypassrls THEN 'bypasses row-level security' END, CASE WHEN rolreplication THEN 'may replicate the cluster' END], NULL)
			|| ARRAY(SELECT 'is a member of ' || r.rolname FROM pg_roles r WHERE r.rolname NOT IN (session_user, $1::text) AND pg_has_role(session_user, r.oid, 'MEMBER') LIMIT 5)
		FROM pg_roles WHERE rolname = session_user`, string(role)).Scan(&user, (*pq.StringArray)(&may))
	if err != nil {
		return err
	}
	if len(may) > 0 {
		return &LoginError{role, fmt.Errorf("the user %s %s; use a login that is a member of %s only", user, strings.Join(may, ", "), role)}
	}
	return nil
}

// MayCreateIn returns the schemas on a connection's search path in which its role may create objects. For the API there should be
// none: other roles' statements could look up its function, operator or table by name in place of the real one. Up to PostgreSQL
// 14, and after an upgrade from there, everybody may create objects in public.
func MayCreateIn(ctx context.Context, db *sql.DB) (schemas []string, err error) {
	err = db.QueryRowContext(ctx, `SELECT ARRAY(SELECT quote_ident(s) FROM unnest(current_schemas(false)) s WHERE has_schema_privilege(s, 'CREATE'))`).
		Scan((*pq.StringArray)(&schemas))
	return schemas, err
}

// refusesLogin reports whether PostgreSQL refused a login, or its role, for a reason that a new password may mend. A pooler that
// does not know them says 08P01.
func refusesLogin(err error) bool {
	var told *pq.Error
	var unfit *LoginError
	return errors.As(err, &unfit) ||
		errors.As(err, &told) && (told.Code.Class() == "28" || told.Code == "08P01" || told.Code == insufficientPrivilege)
}

// derivePassword gives the password of a login, which who knows the owner's can compute, and nobody else.
func derivePassword(owners, login string) string {
	mac := hmac.New(sha256.New, []byte(owners))
	mac.Write([]byte("orderwire login " + login))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// scramVerifier returns the verifier that PostgreSQL stores for a password (RFC 5803; PostgreSQL manual 52.8, pg_authid).
func scramVerifier(password string) string {
	const iterations = 4096
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		panic(err) // the lengths are allowed
	}
	keyed := func(text string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(keyed("Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(keyed("Server Key")))
}
