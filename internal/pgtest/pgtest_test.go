package pgtest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	_ "github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/pgtest"
)

// run executes statements in a database and leaves no connection.
func run(ctx context.Context, databaseURL string, statements ...string) (err error) {
	db, err := sql.Open("postgres", databaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

func count(t *testing.T, databaseURL, table string) (n int) {
	t.Helper()
	db, err := sql.Open("postgres", databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNew(t *testing.T) {
	t.Parallel()
	template := pgtest.Template{
		Name: "pgtest notes 1",
		Migrate: func(ctx context.Context, url string) error {
			return run(ctx, url, `CREATE TABLE note (text text NOT NULL)`, `INSERT INTO note VALUES ('from the template')`)
		},
	}
	for i := range 12 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			url := pgtest.New(t, template)
			if got := count(t, url, "note"); got != 1 {
				t.Errorf("a fresh database has %d notes, want the template's one", got)
			}
			if err := run(t.Context(), url, `INSERT INTO note VALUES ('mine')`); err != nil {
				t.Fatal(err)
			}
			if got := count(t, url, "note"); got != 2 {
				t.Errorf("it has %d notes after an insert, want 2: another test writes to it", got)
			}
		})
	}
}
