package main

import (
	"testing"

	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

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
