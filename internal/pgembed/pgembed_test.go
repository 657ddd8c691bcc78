package pgembed_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/pgembed"
)

func TestStart(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := start(t, config(dir))
	query(t, first, `CREATE TABLE note (text text)`, `INSERT INTO note VALUES ('kept')`, `SELECT 1`)
	t.Run("OK settings", func(t *testing.T) {
		for name, want := range map[string]string{
			"timezone": "UTC", "server_encoding": "UTF8", "data_checksums": "on", "listen_addresses": "",
			"synchronous_commit": "on", "max_connections": "20", // the latter from Config.Settings
		} {
			if got := query(t, first, `SELECT current_setting('`+name+`')`); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
	})
	t.Run("OK text beyond ASCII", func(t *testing.T) {
		if query(t, first, `SELECT current_setting('server_version_num')::int >= 170000`) != "true" {
			t.Skip("the locale C of versions before 17 knows ASCII only")
		}
		if got := query(t, first, `SELECT upper('größe å')`); got != "GRÖSSE Å" && got != "GRÖßE Å" {
			t.Errorf("upper case is %q", got)
		}
	})
	t.Run("OK stop does not wait for clients", func(t *testing.T) {
		busy := make(chan struct{})
		go func() {
			defer close(busy)
			db := open(t, first.URL(pgembed.Database))
			defer func() { _ = db.Close() }()
			_, _ = db.ExecContext(context.Background(), `SELECT pg_sleep(3600)`) // broken by stop
		}()
		await(t, "the query to run", func() bool {
			return query(t, first, `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%3600)'`) == "1"
		})
		stop(t, first)
		<-busy
		select {
		case <-first.Done():
			t.Error("Done is closed although Stop ended it")
		default:
		}
	})
	if pid := postmasterPID(dir); pid != 0 {
		t.Errorf("after Stop postgres %d has its pid file still", pid)
	}
	t.Run("OK again keeps the data", func(t *testing.T) {
		second := start(t, config(dir))
		if got := query(t, second, `SELECT text FROM note`); got != "kept" {
			t.Errorf("note is %q", got)
		}
		stop(t, second)
		stop(t, second) // a second time is harmless
	})
	t.Run("OK stale pid file of a live process that is no postgres", func(t *testing.T) {
		stale := strconv.Itoa(os.Getpid()) + "\n" + filepath.Join(dir, "postgres", "data") + "\n1\n5432\n\n\n0 0\nready\n"
		if err := os.WriteFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"), []byte(stale), 0o644); err != nil {
			t.Fatal(err)
		}
		stop(t, start(t, config(dir)))
	})
	t.Run("ErrVersion", func(t *testing.T) {
		file := filepath.Join(dir, "postgres", "data", "PG_VERSION")
		if err := os.WriteFile(file, []byte("9.6\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := pgembed.Start(t.Context(), config(dir))
		var mismatch *pgembed.VersionError
		if !errors.As(err, &mismatch) {
			t.Fatalf("error is %v, want a *VersionError", err)
		}
		if mismatch.DataMajor != 9 || mismatch.BinMajor < 14 {
			t.Errorf("it names %d and %d", mismatch.DataMajor, mismatch.BinMajor)
		}
		for _, want := range []string{"PostgreSQL 9", "PostgreSQL " + strconv.Itoa(mismatch.BinMajor), "PG_BIN", filepath.Join(dir, "postgres", "data")} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not mention %q", err, want)
			}
		}
	})
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	t.Run("ErrBin", func(t *testing.T) {
		t.Parallel()
		cfg := config(dataDir(t))
		cfg.Bin = dataDir(t)
		for _, name := range []string{"initdb", "postgres"} {
			if err := os.WriteFile(filepath.Join(cfg.Bin, name), []byte("#!/bin/sh\necho library missing >&2\nexit 127\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		_, err := pgembed.Start(t.Context(), cfg)
		var notFound *pgembed.NotFoundError
		if !errors.As(err, &notFound) {
			t.Fatalf("error is %v, want a *NotFoundError", err)
		}
		for _, want := range []string{"PG_BIN=" + cfg.Bin, "library missing", "DATABASE_URL", "npm ci", "apt-get"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not mention %q", err, want)
			}
		}
	})
	t.Run("ErrSetting repeats PostgreSQL's message", func(t *testing.T) {
		t.Parallel()
		cfg := config(dataDir(t))
		cfg.Settings["no_such_setting"] = "1"
		_, err := pgembed.Start(t.Context(), cfg)
		var failed *pgembed.StartError
		if !errors.As(err, &failed) {
			t.Fatalf("error is %v, want a *StartError", err)
		}
		if !strings.Contains(err.Error(), `"no_such_setting"`) {
			t.Errorf("%q does not name the setting", err)
		}
		delete(cfg.Settings, "no_such_setting")
		stop(t, start(t, cfg)) // and it left nothing in the way
	})
	t.Run("ErrCancelled", func(t *testing.T) {
		t.Parallel()
		dir := dataDir(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := pgembed.Start(ctx, config(dir)); !errors.Is(err, context.Canceled) {
			t.Fatalf("error is %v, want context.Canceled", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("it left %v (%v)", left, err)
		}
	})
}

func TestOwner(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	owner := startServer(t, dir)

	t.Run("ErrOwned", func(t *testing.T) {
		_, err := pgembed.Start(t.Context(), config(dir))
		var owned *pgembed.OwnedError
		if !errors.As(err, &owned) {
			t.Fatalf("error is %v, want an *OwnedError", err)
		}
		if owned.PID != owner.cmd.Process.Pid || owned.Postmaster {
			t.Errorf("it names %+v, want the server %d", owned, owner.cmd.Process.Pid)
		}
		if gone(owner.postgres) || postmasterPID(dir) != owner.postgres {
			t.Error("the owner's postgres was disturbed")
		}
	})
	t.Run("ErrOwned by a postgres whose server was killed, until it ends", func(t *testing.T) {
		// A shutdown waits for the checkpointer.
		pid, err := strconv.Atoi(queryURL(t, owner.url, `SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		owner.kill(t)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // the test is about its end
		defer cancel()
		_, err = pgembed.Start(ctx, config(dir))
		var owned *pgembed.OwnedError
		if !errors.As(err, &owned) || !owned.Postmaster || owned.PID != owner.postgres {
			t.Errorf("error is %v, want an *OwnedError of postmaster %d", err, owner.postgres)
		}
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		start(t, config(dir)) // waits for it
		if !gone(owner.postgres) {
			t.Error("two postgres run on one folder")
		}
	})
}

// TestKill kills one cluster in several ways, one after the other.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cluster := start(t, config(dir))
	query(t, cluster, `CREATE TABLE note (text text)`, `INSERT INTO note VALUES ('committed')`, `SELECT 1`)

	t.Run("OK of postgres is told", func(t *testing.T) {
		if err := cluster.Err(); err != nil {
			t.Errorf("it runs and Err is %v", err)
		}
		if err := syscall.Kill(postmasterPID(dir), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {
		case <-cluster.Done():
		case <-time.After(patience):
			t.Fatal("Done was not closed")
		}
		if err := cluster.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Errorf("Err is %v, want that it was killed", err)
		}
		stop(t, cluster)
	})
	t.Run("OK of postgres, whose backend is still there", func(t *testing.T) {
		killed := startServer(t, dir)
		db := open(t, killed.url)
		defer func() { _ = db.Close() }()
		var backend int
		if err := db.QueryRowContext(t.Context(), `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(backend, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(killed.postgres, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		killed.kill(t)
		go func() {
			// The next start has met it once.
			await(t, "the first refusal", func() bool {
				log, err := os.ReadFile(filepath.Join(dir, "postgres", "postgres.log"))
				return err == nil && strings.Contains(string(log), "pre-existing shared memory block")
			})
			_ = syscall.Kill(backend, syscall.SIGCONT)
		}()
		stop(t, start(t, config(dir)))
	})
	t.Run("OK of the server leaves no postgres", func(t *testing.T) {
		killed := startServer(t, dir)
		killed.kill(t)
		await(t, "the orphan to end", func() bool { return gone(killed.postgres) })
	})
	t.Run("OK of the server, the next one starts at once", func(t *testing.T) {
		killed := startServer(t, dir)
		killed.kill(t)
		next := startServer(t, dir)
		if !gone(killed.postgres) {
			t.Error("two postgres run on one folder")
		}
		if err := syscall.Kill(next.postgres, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		next.kill(t)
	})
	t.Run("OK of both recovers", func(t *testing.T) {
		if got := query(t, start(t, config(dir)), `SELECT text FROM note`); got != "committed" {
			t.Errorf("note is %q", got)
		}
	})
}
