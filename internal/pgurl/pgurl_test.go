package pgurl_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/pgurl"
)

// What libpq's manual (34.1.1) shows, read by lib/pq in the end.
func TestParse(t *testing.T) {
	t.Parallel()
	type options = map[string]string
	for text, want := range map[string]options{
		"postgresql://":                                        {},
		"postgresql://localhost":                               {"host": "localhost"},
		"postgresql://localhost:5433":                          {"host": "localhost", "port": "5433"},
		"postgresql://localhost/mydb":                          {"host": "localhost", "dbname": "mydb"},
		"postgresql://user@localhost":                          {"host": "localhost", "user": "user"},
		"postgresql://user:secret@localhost":                   {"host": "localhost", "user": "user", "password": "secret"},
		"postgresql://host1:123,host2:456/somedb":              {"host": "host1,host2", "port": "123,456", "dbname": "somedb"},
		"postgres://host1,host2:456/somedb":                    {"host": "host1,host2", "port": "5432,456", "dbname": "somedb"},
		"postgres://one,two/db?port=5433":                      {"host": "one,two", "port": "5433", "dbname": "db"},
		"postgresql:///mydb?host=localhost&port=5433":          {"host": "localhost", "port": "5433", "dbname": "mydb"},
		"postgresql://[2001:db8::1234]:5433/db":                {"host": "2001:db8::1234", "port": "5433", "dbname": "db"},
		"postgresql://[2001:db8::1234],other/db":               {"host": "2001:db8::1234,other", "dbname": "db"},
		"postgresql://%2Fvar%2Flib%2Fpostgresql/dbname":        {"host": "/var/lib/postgresql", "dbname": "dbname"},
		"postgres://u%40x:p%3A%2F%27%5C%20%25@h/d%20b":         {"user": "u@x", "password": `p:/'\ %`, "host": "h", "dbname": "d b"},
		"postgres://u:p@ss@h/db?sslmode=disable":               {"user": "u", "password": "p@ss", "host": "h", "dbname": "db", "sslmode": "disable"},
		"host=one,two port=1,2 dbname=mydb connect_timeout=10": {"host": "one,two", "port": "1,2", "dbname": "mydb", "connect_timeout": "10"},
		` user = ada  password='it\'s \\ a secret' host=h `:    {"user": "ada", "password": `it's \ a secret`, "host": "h"},
		"host=h password=''":                                   {"host": "h", "password": ""},
	} {
		got, err := pgurl.Parse(text)
		if err != nil || !maps.Equal(got.Options, want) {
			t.Errorf("%s is %v, %v; want %v", text, got.Options, err, want)
			continue
		}
		// The password and the database come through lib/pq's own reader as they were.
		if again, err := pgurl.Parse(got.String()); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s: String is read as %+v, %v", text, again, err)
		}
		cfg, err := pq.NewConfig(got.DSN())
		if err != nil {
			t.Errorf("%s: lib/pq: %v", text, err)
		}
		if cfg.Password != want["password"] || cfg.Database != want["dbname"] {
			t.Errorf("%s: lib/pq reads %q, %q", text, cfg.Password, cfg.Database)
		}
	}
}

func TestParseSettings(t *testing.T) {
	t.Parallel()
	got, err := pgurl.Parse("postgres://h/db?search_path=shop&Work_Mem=8MB&target_session_attrs=any")
	if err != nil || got.Target != pgurl.Any || !maps.Equal(got.Settings, map[string]string{"search_path": "shop", "work_mem": "8MB"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := pgurl.Parse("postgres://h/db"); err != nil || got.Target != pgurl.ReadWrite {
		t.Errorf("the default target is %q, %v", got.Target, err)
	}
}

func TestParseErr(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                             "expected postgres://",
		"mysql://u:hunter2@db":                         "expected postgres://",
		"postgres://u:%zz@db":                          "expected postgres://",
		"postgres://u:hunter2@db?x=%zz":                "expected postgres://",
		"host=h password='hunter2":                     "has no end",
		"hunter2":                                      "expected postgres://",
		"postgres://u:hunter2/x@db:1/a":                "percent-encoded",
		"postgres://u:1/hunter2@db:1/a":                "percent-encoded",
		"postgres://u:hunter2?x@db/a":                  "percent-encoded",
		"postgres://u:x@db:hunter2/a":                  "percent-encoded",
		"postgres://h/db?service=x":                    "service is not supported",
		"postgres://h/db?channel_binding=x":            "channel_binding is not supported",
		"postgres://h/db?target_session_attrs=standby": "Orderwire writes",
	} {
		_, err := pgurl.Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %q and no password", text, err, want)
		}
	}
}
