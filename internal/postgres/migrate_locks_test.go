package postgres_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// writersOrder is that in which the statements of servers lock tables.
var writersOrder = []string{"orders", "payments", "refunds", "payment_attempts", "event_log", "order_events", "order_work", "feed", "feed_partitions"}

// lockTables matches the statements that a migration begins with.
var lockTables = regexp.MustCompile(`(?m)^LOCK TABLE (.*) IN (.*) MODE;$`)

// A migration that locks a table and later locks it more strongly, or locks tables in another order than writers do, is in a deadlock
// with a writer that came in between, and PostgreSQL can find that at once, without waiting for deadlock_timeout. So each migration with a
// transaction begins with LOCK TABLE, in the writers' order, and what follows takes no lock that those do not include.
func TestMigrationsLockFirst(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		version, err := strconv.ParseInt(strings.SplitN(filepath.Base(file), "_", 2)[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if version <= oldVersion || strings.Contains(string(text), "NO TRANSACTION") {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			locks := lockTables.FindAllStringSubmatch(string(text), -1)
			var tables []string
			for _, l := range locks {
				tables = append(tables, strings.Split(l[1], ", ")...)
			}
			known := slices.DeleteFunc(tables, func(table string) bool { return !slices.Contains(writersOrder, table) })
			if !slices.IsSortedFunc(known, func(a, b string) int { return slices.Index(writersOrder, a) - slices.Index(writersOrder, b) }) {
				t.Errorf("it locks %v, and writers %v", known, writersOrder)
			}
			for _, refused := range strongerLocks(t, postgrestest.Pool(t, migratedTo(t, version-1), postgres.RoleMigrate), string(text)) {
				t.Errorf("%s: begin with LOCK TABLE, because a lock that is upgraded is a deadlock with writers", refused)
			}
		})
	}
}

func TestMigrationsLockFirstNotices(t *testing.T) {
	t.Parallel()
	db := postgrestest.Pool(t, pgtest.New(t, pgtest.Template{}), postgres.AsLogin)
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE a (n int PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"LOCK TABLE a IN ACCESS EXCLUSIVE MODE;\nALTER TABLE a ADD COLUMN m int":    0,
		"ALTER TABLE a ADD COLUMN m int":                                            1,
		"LOCK TABLE a IN SHARE ROW EXCLUSIVE MODE;\nALTER TABLE a ADD COLUMN m int": 1,
		"CREATE TABLE b (n int); ALTER TABLE b ADD COLUMN m int; SELECT FROM a":     0,
	} {
		if got := strongerLocks(t, db, text); len(got) != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// strongerLocks runs a migration, takes it back, and returns the tables that it locked more strongly than its LOCK TABLE statements had.
// Tables that it makes itself have no writers, and one that it only reads keeps none from writing.
func strongerLocks(t *testing.T, db *sqlx.DB, text string) (tables []string) {
	t.Helper()
	tx, err := db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }() // it was only to be looked at
	var first string
	if locks := lockTables.FindAllStringIndex(text, -1); len(locks) > 0 {
		first, text = text[:locks[len(locks)-1][1]], text[locks[len(locks)-1][1]:]
	}
	const strongest = `
		SELECT relation, max(array_position('{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,
			ExclusiveLock,AccessExclusiveLock}', mode)) AS mode
		FROM pg_locks JOIN pg_class c ON c.oid = relation WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relkind IN ('r', 'p') AND relation >= 16384
		GROUP BY relation`
	for _, statement := range []string{
		`CREATE TEMPORARY TABLE existing ON COMMIT DROP AS SELECT oid FROM pg_class`, first, `CREATE TEMPORARY TABLE locked ON COMMIT DROP AS ` + strongest, text,
	} {
		if _, err := tx.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", statement, err))
		}
	}
	if err := tx.SelectContext(t.Context(), &tables, `
		SELECT s.relation::regclass FROM (`+strongest+`) s JOIN existing ON existing.oid = s.relation LEFT JOIN locked USING (relation)
		WHERE s.mode > coalesce(locked.mode, 1) ORDER BY 1`); err != nil {
		t.Fatal(err)
	}
	return tables
}
