package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
)

// TestProcesses has several test processes want one new template at once.
func TestProcesses(t *testing.T) {
	t.Parallel()
	name := "pgtest race " + rand.Text()
	var helpers []*helper
	for range 4 {
		helpers = append(helpers, startHelper(t, name))
	}
	total := 0
	urls := map[string]bool{}
	for _, h := range helpers {
		migrations, url := h.answer(t)
		total += migrations
		urls[url] = true
	}
	if total != 1 {
		t.Errorf("the template was migrated %d times, want once", total)
	}
	if len(urls) != 4 {
		t.Errorf("four processes got the databases %v", urls)
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("ErrMigrate is told and tried again", func(t *testing.T) {
		t.Parallel()
		name, broken := "pgtest broken "+rand.Text(), errors.New("broken migration")
		_, err := s.template(ctx, Template{Name: name, Migrate: func(ctx context.Context, url string) error {
			return errors.Join(broken, execute(ctx, url, `CREATE TABLE half_made ()`))
		}})
		if !errors.Is(err, broken) {
			t.Fatalf("error is %v, want the migration's", err)
		}
		if _, err := s.template(ctx, Template{Name: name, Migrate: func(ctx context.Context, url string) error {
			return execute(ctx, url, `CREATE TABLE half_made ()`) // fails if what came before is still there
		}}); err != nil {
			t.Error(err)
		}
	})
	t.Run("OK with a connection left open", func(t *testing.T) {
		t.Parallel()
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		source, err := s.template(ctx, Template{Name: "pgtest careless " + rand.Text(), Migrate: func(ctx context.Context, url string) error {
			busy := make(chan struct{})
			go func() {
				defer close(busy)
				_ = execute(context.Background(), url, `SELECT set_config('application_name', 'careless', false)`, `SELECT pg_sleep(3600)`)
			}()
			for n := 0; n == 0; { // until it is connected
				if err := s.admin.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3600)'`).Scan(&n); err != nil {
					return err
				}
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		clone := clonePrefix + rand.Text()[:16]
		if err := s.clone(ctx, clone, source); err != nil {
			t.Error(err)
		}
		if _, err := s.admin.ExecContext(ctx, `DROP DATABASE "`+clone+`"`); err != nil {
			t.Error(err)
		}
	})
	t.Run("ErrName", func(t *testing.T) {
		t.Parallel()
		if _, err := s.template(ctx, Template{Migrate: func(context.Context, string) error { return nil }}); err == nil {
			t.Error("a template without a name was accepted")
		}
	})
}

// TestLifecycle runs a cluster of its own, in a temporary folder of its own.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	tmp, err := os.MkdirTemp("", "owpgtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	if err := os.Chmod(tmp, 0o755); err != nil { // for the account of root's PostgreSQL
		t.Fatal(err)
	}
	env := []string{"TMPDIR=" + tmp, "TEST_DATABASE_URL=", lingerVariable + "=50ms"}

	first, second := startHelper(t, "notes", env...), startHelper(t, "notes", env...)
	_, url := first.answer(t)
	_, _ = second.answer(t)
	dirs, err := filepath.Glob(filepath.Join(tmp, "orderwire-test-*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("the clusters are %v (%v), want one for both", dirs, err)
	}
	postgres := postmaster(t, dirs[0])

	first.end()
	if users, err := tryLock(filepath.Join(dirs[0], usersFile), syscall.LOCK_EX); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("a keeper could take the users' lock while one is left (%v, %v)", users, err)
	}
	if err := execute(t.Context(), url, `SELECT 1`); err != nil {
		t.Errorf("the cluster ended before its last user: %v", err)
	}
	if err := second.cmd.Process.Kill(); err != nil { // and killed it counts as gone
		t.Fatal(err)
	}
	await(t, "the cluster to end", func() bool { return ended(postgres) })

	third := startHelper(t, "notes", env...)
	migrations, _ := third.answer(t)
	if migrations != 0 {
		t.Error("the template did not outlive its cluster's restart")
	}
	if err := execute(t.Context(), url, `SELECT 1`); err == nil {
		t.Error("a killed test's database is still there")
	}
	postgres = postmaster(t, dirs[0])
	if err := syscall.Kill(postgres, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	third.end()
	fourth := startHelper(t, "notes", env...)
	_, _ = fourth.answer(t)
	postgres = postmaster(t, dirs[0])
	fourth.end()
	await(t, "the cluster to end", func() bool { return ended(postgres) })
}

// postmaster is the pid of the cluster's postgres.
func postmaster(t *testing.T, dir string) (pid int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(text), "%d", &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

func ended(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// await polls a condition that another process brings about.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(eventually.Patience)
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("waited for %s", what)
		case <-tick.C:
		}
	}
}
