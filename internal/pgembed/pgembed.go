// Package pgembed runs a private PostgreSQL for a server that was given none: real binaries, a cluster of its own in
// the data folder, reachable by nobody else, and gone when the server is gone, however that ended.
//
// Everything lives in DataDir/postgres:
//
//	data/          the cluster (initdb's folder, 0700)
//	conf/          postgresql.conf, pg_hba.conf, pg_ident.conf; rewritten at every start
//	run/           the socket's private folder (0700); a symlink when the path is too long for a socket
//	postgres.log   the server's log, bounded, with the older half in postgres.log.1
//	lock           flock and pid of the process that owns the cluster
//	dist-*/        a copy of the binaries, only where the originals cannot be used in place
//
// PostgreSQL listens on a unix socket only, and the kernel tells it who connects ("peer", PostgreSQL manual 20.9): the
// account that runs this program and no other. There is no password to keep and no port to be taken.
//
// PostgreSQL refuses to run as root, so root starts it as another account: the owner of the data, "postgres" or
// "nobody". Where that account cannot reach DataDir (a checkout below /root), DataDir/postgres is a symlink to a folder
// that it can reach.
package pgembed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/lib/pq"
)

const (
	// Superuser is the database role that the owning operating system account connects as.
	Superuser = "orderwire"
	// Database is the database that Start creates when it is missing.
	Database = "orderwire"
	// port only names the socket file: nothing listens on TCP.
	port = "5432"
)

// Logins are the further database roles that the owning account may connect as, once they exist. The server makes them for its pools,
// so that no connection which serves requests is a superuser's (postgres.LoginName).
var Logins = []string{
	"orderwire_api_of_" + Superuser, "orderwire_worker_of_" + Superuser, "orderwire_migrate_of_" + Superuser,
}

// Config has the cluster's folder and the binaries that run it.
type Config struct {
	// DataDir is the folder that holds the cluster, in DataDir/postgres; made when missing. Required.
	DataDir string
	// Bin is the folder of initdb and postgres (the PG_BIN variable). Empty: search the npm package, PATH and the
	// usual folders, and prefer the major version that made the data.
	Bin string
	// Settings are written to postgresql.conf after our own and so win over them. Values are plain text, quoted here.
	Settings map[string]string
	// Logger receives one line at start, one at stop, and warnings. Nil: slog.Default().
	Logger *slog.Logger
}

// Start runs the cluster in cfg.DataDir, creating it at first use (1 to 3 s; later starts 0.1 to 0.3 s), and returns
// when it accepts connections and the database Database exists. ctx bounds the start only; end the cluster with Stop.
//
// If this process dies, by kill -9 too, PostgreSQL shuts down cleanly within a second, and the next Start waits for
// that. Errors: *OwnedError when another live process owns the cluster, *NotFoundError when no binaries are found,
// *VersionError when the data was made by another major version, *StartError with PostgreSQL's own words.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	began := time.Now()
	if cfg.DataDir == "" {
		return nil, errors.New("pgembed: DataDir is empty")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("pgembed: %w", context.Cause(ctx))
	}
	home, err := openHome(cfg.DataDir, cfg.Logger)
	if err != nil {
		return nil, err
	}
	c := &Cluster{home: home, log: cfg.Logger}
	if err := c.start(ctx, cfg); err != nil {
		home.release()
		return nil, err
	}
	cfg.Logger.InfoContext(ctx, "PostgreSQL started", "version", c.version, "data", home.data(), "socket", c.socketDir,
		"pid", c.cmd.Process.Pid, "took", time.Since(began).Round(time.Millisecond))
	return c, nil
}

// start brings up a cluster whose home is locked. On error nothing of it is left running.
func (c *Cluster) start(ctx context.Context, cfg Config) error {
	if err := c.home.awaitPredecessor(ctx, c.log); err != nil {
		return err
	}
	bin, err := findBinaries(ctx, cfg.Bin, c.home)
	if err != nil {
		return err
	}
	c.version = bin.version
	if err := c.home.initialise(ctx, bin, cfg.Settings["fsync"] == "off"); err != nil {
		return err
	}
	if c.socketDir, err = c.home.socketDir(); err != nil {
		return err
	}
	conf, err := writeConfig(c.home, c.socketDir, cfg.Settings)
	if err != nil {
		return err
	}
	if err := c.launchAfterBackends(ctx, bin, conf); err != nil {
		return err
	}
	if err := c.createDatabase(ctx); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return errors.Join(err, c.Stop(stop))
	}
	return nil
}

// URL is the lib/pq connection URL of a database of this cluster, for this process's operating system account.
func (c *Cluster) URL(database string) string {
	u := url.URL{
		Scheme: "postgres",
		User:   url.User(Superuser),
		Path:   "/" + database,
		RawQuery: url.Values{
			// As a parameter, because lib/pq rejects an escaped path in the authority part.
			"host": {c.socketDir}, "port": {port}, "sslmode": {"disable"},
		}.Encode(),
	}
	return u.String()
}

// createDatabase makes Database unless it is there.
func (c *Cluster) createDatabase(ctx context.Context) (err error) {
	db, err := sql.Open("postgres", c.URL("postgres"))
	if err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var exists bool
	const query = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := db.QueryRowContext(ctx, query, Database).Scan(&exists); err != nil {
		return fmt.Errorf("pgembed: first connection: %w", err)
	}
	if exists {
		return nil
	}
	if _, err := db.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(Database)); err != nil {
		return fmt.Errorf("pgembed: create database %s: %w", Database, err)
	}
	return nil
}

// majorOfData is the major version that made the cluster, 0 when there is no cluster yet.
func (h *home) majorOfData() (int, error) {
	text, err := os.ReadFile(filepath.Join(h.data(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("pgembed: %w", err)
	}
	var major int
	if _, err := fmt.Sscanf(string(text), "%d", &major); err != nil {
		return 0, fmt.Errorf("pgembed: %s does not name a version: %q", filepath.Join(h.data(), "PG_VERSION"), text)
	}
	return major, nil
}
