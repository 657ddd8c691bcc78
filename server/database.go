package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/pgembed"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/ratelimit"
)

const (
	// leaseConns: the sequencer has one to assign with and one to announce with, the sessions one to read revocations with.
	leaseConns = 3
	// ownerConns: partitions are changed by one at a time, and readiness asks for the migrations.
	ownerConns = 2
	// workShare of DATABASE_MAX_CONNS, a third, is for background work, which asks for little at a time; the rest answers
	// requests. Neither can use up the other's.
	workShare = 3
	minConns  = 2
)

var (
	// shortLimits are for statements of requests and the pipeline: a dead connection costs no more than this, once, since the
	// others are suspected with it. A statement ends before its connection counts as dead.
	shortLimits = postgres.Limits{Silence: 6 * time.Second, Statement: 5 * time.Second, Lock: 4 * time.Second}
	// leaseLimits: a sequencer that does not hear of its lease for longer has lost it. A statement that was sent may continue in
	// PostgreSQL, where the fence decides, so it keeps the usual statement_timeout. The wait for a lock is shorter than Silence;
	// otherwise a wait would look like a dead connection, and the other pools would drop theirs.
	leaseLimits = postgres.Limits{Silence: 2 * time.Second, Lock: 1500 * time.Millisecond}
)

// database is the PostgreSQL we were given, or our own, and the pools that are open on it. Pools differ in the role that their
// connections work in; see docs/decisions/0014-row-level-security.md.
type database struct {
	// url is for a separate connection (LISTEN), and network is shared with the pools.
	url     string
	network *postgres.Network
	cluster *pgembed.Cluster
	opened  []*sqlx.DB
	// logins are the URLs by which a role signs in, where it has a login of its own.
	logins map[postgres.Role]string

	// api serves requests, work the pipeline and all other background work. lease is for statements that must not wait for a
	// connection, and owner may change tables. They are open once openRoles has returned.
	api, work, lease, owner *sqlx.DB
}

func openDatabase(ctx context.Context, cfg config.Config, logger *slog.Logger) (*database, error) {
	d := &database{url: cfg.DatabaseURL.Reveal(), network: postgres.NewNetwork()}
	if d.url == "" {
		cluster, err := pgembed.Start(ctx, pgembed.Config{DataDir: cfg.DataDir, Bin: cfg.PGBin, Logger: logger})
		if err != nil {
			return nil, err
		}
		d.cluster, d.url = cluster, cluster.URL(pgembed.Database)
	}
	return d, nil
}

// workConns is the part of maxConns that is for background work.
func workConns(maxConns int) int { return max(minConns, maxConns/workShare) }

// openLogins gives each role a login of its own, so that no statement on its connections, even an injected one, leaves the role.
// apiURL is DATABASE_API_URL, or empty. Without the right to create logins, all roles sign in as the user of DATABASE_URL, with a
// warning in the log.
func (d *database) openLogins(ctx context.Context, apiURL string, logger *slog.Logger) error {
	d.logins = map[postgres.Role]string{}
	for _, role := range []postgres.Role{postgres.RoleAPI, postgres.RoleWorker, postgres.RoleMigrate} {
		if role == postgres.RoleAPI && apiURL != "" {
			d.logins[role] = apiURL
			continue
		}
		login, err := postgres.Login(ctx, d.url, role)
		var unable *postgres.LoginError
		if errors.As(err, &unable) {
			logger.WarnContext(ctx, "connections sign in as the user of DATABASE_URL and can leave their role; set DATABASE_API_URL, "+
				"see docs/configuration.md, The database's roles", "role", role, "error", unable.Err)
			continue
		}
		if err != nil {
			return err
		}
		d.logins[role] = login
	}
	return nil
}

// One caller may read on at most 1/readShare of the connections for requests at the same time.
const readShare = 2

// reading bounds the reads of one caller's operations: see postgres.Reads. A mutation's reads have no time limit, because it may
// have written already.
func (a *App) reading() func(context.Context, ast.Operation) context.Context {
	reads := postgres.NewReads(max(1, a.db.api.Stats().MaxOpenConnections/readShare))
	return func(ctx context.Context, kind ast.Operation) context.Context {
		timeout := a.cfg.ReadTimeout
		if kind == ast.Mutation {
			timeout = 0
		}
		return reads.As(ctx, ratelimit.Caller(ctx), timeout)
	}
}

// urlOf is the URL by which a role signs in.
func (d *database) urlOf(role postgres.Role) string { return cmp.Or(d.logins[role], d.url) }

// openRoles opens the pools. The database must have been migrated: that makes the roles.
func (d *database) openRoles(ctx context.Context, maxConns int, logger *slog.Logger) error {
	work := workConns(maxConns)
	for _, p := range []struct {
		pool     **sqlx.DB
		role     postgres.Role
		conns    int
		settings []postgres.Option
	}{
		{&d.api, postgres.RoleAPI, max(minConns, maxConns-work), []postgres.Option{shortLimits}},
		{&d.work, postgres.RoleWorker, work, []postgres.Option{shortLimits}},
		{&d.lease, postgres.RoleWorker, leaseConns, []postgres.Option{leaseLimits, postgres.PlanOnce}},
		{&d.owner, postgres.RoleMigrate, ownerConns, nil},
	} {
		var err error
		if *p.pool, err = d.open(ctx, p.role, p.conns, p.settings...); err != nil {
			return err
		}
		// A pooler may have a mode for each user.
		if err := postgres.CheckSessions(ctx, (*p.pool).DB); err != nil {
			return fmt.Errorf("the connections of %s: %w", p.role, err)
		}
	}
	if d.logins[postgres.RoleAPI] != "" {
		if err := postgres.CheckLogin(ctx, d.api.DB, postgres.RoleAPI); err != nil {
			return fmt.Errorf("DATABASE_API_URL: %w", err)
		}
	}
	return d.warnOfOpenSchemas(ctx, logger)
}

// warnOfOpenSchemas tells the operator of rights that the API has without need, because everybody has them. They may be meant for
// another program in the same database, so they are not taken away here.
func (d *database) warnOfOpenSchemas(ctx context.Context, logger *slog.Logger) error {
	schemas, err := postgres.MayCreateIn(ctx, d.api.DB)
	for _, schema := range schemas {
		logger.WarnContext(ctx, "every role, the API's too, may create objects in a schema that other roles use; run the statement as the schema's owner",
			"run", "REVOKE CREATE ON SCHEMA "+schema+" FROM PUBLIC")
	}
	return err
}

// open opens a pool, which close closes.
func (d *database) open(ctx context.Context, role postgres.Role, conns int, with ...postgres.Option) (*sqlx.DB, error) {
	pool, err := postgres.Open(ctx, d.urlOf(role), role, conns, append(with, d.network)...)
	if err == nil {
		d.opened = append(d.opened, pool)
	}
	return pool, err
}

// died is closed when our own PostgreSQL ended by itself; nil, and so never, for one that we were given.
func (d *database) died() <-chan struct{} {
	if d.cluster == nil {
		return nil
	}
	return d.cluster.Done()
}

func (d *database) close(ctx context.Context) error {
	for _, pool := range d.opened {
		// An idle connection that PostgreSQL has ended meanwhile fails to say goodbye. Nothing depends on that any more, and
		// a server that stopped well must not say otherwise.
		_ = pool.Close()
	}
	if d.cluster == nil {
		return nil
	}
	if err := d.cluster.Stop(ctx); err != nil {
		return fmt.Errorf("stop the private PostgreSQL: %w", err)
	}
	return nil
}
