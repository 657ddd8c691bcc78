package pgtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/lib/pq"
)

const (
	clonePrefix    = "owtest_"
	templatePrefix = "owtemplate_"
	buildPrefix    = "owbuild_"
	// templateLock is the class of the advisory locks that keep two processes from making one template.
	templateLock = 0x6f77
)

// template makes sure that a template database exists and returns its name.
func (s *server) template(ctx context.Context, template Template) (string, error) {
	if template.Migrate == nil {
		return "template0", nil
	}
	if template.Name == "" {
		return "", errors.New("it has a Migrate function and no Name")
	}
	s.mu.Lock()
	state := s.templates[template.Name]
	if state == nil {
		state = &templateState{}
		s.templates[template.Name] = state
	}
	s.mu.Unlock()

	sum := sha256.Sum256([]byte(template.Name))
	key := hex.EncodeToString(sum[:10])
	state.Lock()
	defer state.Unlock()
	if !state.made {
		if err := s.makeTemplate(ctx, key, template.Migrate); err != nil {
			return "", err
		}
		state.made = true
	}
	return templatePrefix + key, nil
}

// makeTemplate builds a template under another name and renames it when it is complete, so that one with the name
// templatePrefix+key is always whole. Nobody can connect to it then: a connection would keep it from being copied.
func (s *server) makeTemplate(ctx context.Context, key string, migrate func(context.Context, string) error) (err error) {
	// The lock belongs to a session, which lasts as long as conn.
	conn, err := s.admin.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1, hashtext($2))`, templateLock, key); err != nil {
		return err
	}
	defer func() {
		_, errUnlock := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1, hashtext($2))`, templateLock, key)
		err = errors.Join(err, errUnlock)
	}()
	var exists bool
	if err := conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`,
		templatePrefix+key).Scan(&exists); err != nil || exists {
		return err
	}
	building, final := pq.QuoteIdentifier(buildPrefix+key), pq.QuoteIdentifier(templatePrefix+key)
	if err := run(ctx, conn, `DROP DATABASE IF EXISTS `+building+` WITH (FORCE)`, `CREATE DATABASE `+building+` TEMPLATE template0`); err != nil {
		return err
	}
	if err := migrate(ctx, s.url(buildPrefix+key)); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := run(ctx, conn, `ALTER DATABASE `+building+` WITH ALLOW_CONNECTIONS false`); err != nil {
		return err
	}
	// A closed connection may take a moment to leave the server, and autovacuum may be at work.
	if _, err := conn.ExecContext(ctx, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1`, buildPrefix+key); err != nil {
		return err
	}
	return run(ctx, conn, `ALTER DATABASE `+building+` RENAME TO `+final)
}

func run(ctx context.Context, conn *sql.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// clone copies a template database.
func (s *server) clone(ctx context.Context, name, source string) error {
	create := `CREATE DATABASE ` + pq.QuoteIdentifier(name) + ` TEMPLATE ` + pq.QuoteIdentifier(source)
	if s.version >= 150000 {
		// Copying files took 20 ms where the default, copying through the log, took 125 ms (40 tables, fsync off).
		create += ` STRATEGY FILE_COPY`
	}
	if _, err := s.admin.ExecContext(ctx, create); err != nil {
		return fmt.Errorf("copy the template: %w", err)
	}
	return nil
}
