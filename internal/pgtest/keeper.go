package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/pgembed"
)

const (
	// keeperVariable holds the cluster's folder in the environment of a keeper.
	keeperVariable = "ORDERWIRE_PGTEST_KEEPER"
	// lingerVariable sets the time for which an unused cluster keeps running, as a Go duration; defaultLinger covers the
	// compilation between two packages of go test.
	lingerVariable = "ORDERWIRE_PGTEST_LINGER"
	defaultLinger  = 5 * time.Second
	// keepTemplates is the number of templates that outlive a restart: those of the branches that a developer switches between.
	keepTemplates = 8
)

// A keeper is a test binary started once more with keeperVariable set. An init function runs before any test or flag
// of the binary, in every binary that imports this package, so no TestMain is needed.
func init() {
	if dir := os.Getenv(keeperVariable); dir != "" {
		_ = os.Unsetenv(keeperVariable)
		if err := keep(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// keep runs the cluster of a folder until nobody uses it.
func keep(dir string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, 12*time.Hour, errors.New("a test run of twelve hours is a stuck one"))
	defer cancel()
	keeper, err := lock(ctx, filepath.Join(dir, keeperFile), syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keeper.Close()) }()
	// Its absence says that the cluster is not there yet.
	if err := os.RemoveAll(filepath.Join(dir, addressFile)); err != nil {
		return err
	}
	cluster, err := startCluster(ctx, dir)
	if err != nil {
		return err
	}
	var users *os.File // locked when nobody uses the cluster any more
	defer func() {
		stop, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		// Without the address first, so that newcomers wait for the end instead of connecting to it.
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, addressFile)), cluster.Stop(stop), os.Remove(filepath.Join(dir, runningFile)))
		if users != nil {
			err = errors.Join(err, users.Close())
		}
	}()
	if err := tidy(ctx, cluster.URL("postgres")); err != nil {
		return err
	}
	address := cluster.URL("postgres")
	if err := publish(filepath.Join(dir, addressFile), address); err != nil {
		return err
	}
	// The first of ExtraFiles: the process that started us waits for this line.
	answer := os.NewFile(3, "answer")
	if _, err := answer.WriteString(address + "\n"); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	if err := answer.Close(); err != nil {
		return err
	}
	users, err = awaitIdle(ctx, dir, cluster.Done())
	return err
}

// publish writes a file that others see whole or not at all.
func publish(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// awaitIdle returns when the cluster has had no user for a while, with the users' lock, which keeps newcomers waiting
// until the cluster has ended.
func awaitIdle(ctx context.Context, dir string, died <-chan struct{}) (*os.File, error) {
	linger := defaultLinger
	if text := os.Getenv(lingerVariable); text != "" {
		var err error
		if linger, err = time.ParseDuration(text); err != nil {
			return nil, fmt.Errorf("%s: %w", lingerVariable, err)
		}
	}
	tick := time.NewTicker(min(200*time.Millisecond, linger/2+time.Millisecond))
	defer tick.Stop()
	idleSince := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-died:
			return nil, errors.New("PostgreSQL ended")
		case <-tick.C:
		}
		users, err := tryLock(filepath.Join(dir, usersFile), syscall.LOCK_EX)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			idleSince = time.Time{}
			continue
		case err != nil:
			return nil, err
		case idleSince.IsZero():
			idleSince = time.Now()
		case time.Since(idleSince) > linger:
			return users, nil
		}
		if err := users.Close(); err != nil {
			return nil, err
		}
	}
}

// startCluster starts the cluster of a folder, and starts again from nothing when it cannot be trusted or used.
func startCluster(ctx context.Context, dir string) (*pgembed.Cluster, error) {
	cfg := pgembed.Config{
		DataDir: dir,
		Bin:     os.Getenv("PG_BIN"),
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Settings: map[string]string{
			// Nothing here has to survive a crash.
			"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum_naptime": "10min",
			"max_connections": "500", "shared_buffers": "128MB", "max_wal_size": "2GB",
		},
	}
	if !trusted(dir) {
		if err := wipe(dir); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, runningFile), []byte(bootID()), 0o600); err != nil {
		return nil, err
	}
	cluster, err := pgembed.Start(ctx, cfg)
	var notFound *pgembed.NotFoundError
	var owned *pgembed.OwnedError
	if err == nil || ctx.Err() != nil || errors.As(err, &notFound) || errors.As(err, &owned) {
		return cluster, err
	}
	// Made by another version, or damaged. There is nothing in it to keep.
	if errWipe := wipe(dir); errWipe != nil {
		return nil, errors.Join(err, errWipe)
	}
	cluster, errAgain := pgembed.Start(ctx, cfg)
	if errAgain != nil {
		return nil, errors.Join(err, errAgain)
	}
	return cluster, nil
}

// runningFile exists while a cluster runs and has the boot's id. The cluster does not flush to disk, so after a crash of the
// machine, and only then, its data is worthless.
const runningFile = "running"

// trusted reports whether the folder's data survived.
func trusted(dir string) bool {
	boot, err := os.ReadFile(filepath.Join(dir, runningFile))
	return errors.Is(err, os.ErrNotExist) || (err == nil && len(boot) > 0 && string(boot) == bootID())
}

// bootID names the present run of the operating system; empty where it has no such name.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // absent outside of Linux
	return strings.TrimSpace(string(id))
}

// wipe removes the cluster.
func wipe(dir string) error { return os.RemoveAll(filepath.Join(dir, "postgres")) }

// tidy drops the databases that killed tests left, and the oldest templates.
func tidy(ctx context.Context, address string) (err error) {
	db, err := sql.Open("postgres", address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var stale []string
	// Object ids grow, so the highest is the newest.
	rows, err := db.QueryContext(ctx, `
		SELECT datname FROM pg_database WHERE starts_with(datname, $1) OR starts_with(datname, $2)
		UNION ALL
		(SELECT datname FROM pg_database WHERE starts_with(datname, $3) ORDER BY oid DESC OFFSET $4)`,
		clonePrefix, buildPrefix, templatePrefix, keepTemplates)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		stale = append(stale, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, name := range stale {
		if _, err := db.ExecContext(ctx, `DROP DATABASE `+pq.QuoteIdentifier(name)+` WITH (FORCE)`); err != nil {
			return err
		}
	}
	return nil
}
