package main

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// Where everybody may create objects in the schema of the tables, the operator is told how to end that.
func TestOpenSchemas(t *testing.T) {
	t.Parallel()
	const told = "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
	url := postgrestest.URL(t)
	for _, open := range []bool{false, true} {
		if open {
			postgrestest.Pool(t, url, postgres.AsLogin).MustExec(`GRANT CREATE ON SCHEMA public TO PUBLIC`)
		}
		cfg, err := config.Load([]string{"ADDR=127.0.0.1:0", "ADMIN_ADDR=", "DATABASE_URL=" + url, "DATABASE_MAX_CONNS=8"}, providerSettings()...)
		if err != nil {
			t.Fatal(err)
		}
		log := &lockedBuffer{}
		app, err := New(t.Context(), cfg, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := app.Close(); err != nil {
			t.Error(err)
		}
		if strings.Contains(log.String(), told) != open {
			t.Errorf("open to everybody: %v, and the log: %s", open, log.String())
		}
	}
}

// No connection of a running server is a superuser's, nor can become one.
func TestNoConnectionIsASuperusers(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	startApp(t, url)
	var sessions []struct {
		User  string `db:"usename"`
		Super bool   `db:"rolsuper"`
		Other int    `db:"others"`
	}
	err := postgrestest.Pool(t, url, postgres.AsLogin).Select(&sessions, `
		SELECT DISTINCT usename, rolsuper, (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid) AS others
		FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if err != nil {
		t.Fatal(err)
	}
	if len(sessions) != 3 {
		t.Errorf("%d logins, want one for each role", len(sessions))
	}
	for _, s := range sessions {
		if s.Super || s.Other != 1 {
			t.Errorf("%+v: a superuser, or a member of another number of roles than 1", s)
		}
	}
}
