// Package pgtest gives each test a PostgreSQL database of its own, migrated and empty, in a few hundredths of a second.
//
// All test binaries of a checkout share one cluster (internal/pgembed, made for speed: a crash may lose it), because
// making one costs a second or two of CPU per binary, and migrating another. The first binary that needs it starts a
// keeper: the same executable once more, which runs the cluster and ends it when no test has used it for a few
// seconds. Each binary holds a shared lock on a file while it lives, so the keeper knows, even of one that was killed.
//
// A migrated template database is made once per set of migrations, and every test gets a copy of it. The cluster's
// folder stays in the temporary folder, so that the next run finds cluster and template there.
//
// TEST_DATABASE_URL, a superuser's URL of a PostgreSQL 14 or later, takes the place of all this but the templates.
// PG_BIN names the binaries to use, as it does for the server.
package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"
)

// Template prepares an empty database as the one that tests start from.
type Template struct {
	// Name identifies the content: two templates with one name are the same, in later runs too. Use a fingerprint of
	// the migrations, so that a changed migration is a new template. Empty: tests get an empty database.
	Name string
	// Migrate fills an empty database. It must leave no connection open. Nil: the database stays empty.
	Migrate func(ctx context.Context, databaseURL string) error
}

// patience bounds every step of New: a loaded machine may take a while to make the cluster.
const patience = 2 * time.Minute

// New makes a database from the template and returns its lib/pq URL. Tests may call it in parallel, in as many
// processes as they like. The database is dropped when the test ends, with all its connections.
func New(t testing.TB, template Template) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := connect(ctx)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	source, err := s.template(ctx, template)
	if err != nil {
		t.Fatalf("pgtest: template %q: %v", template.Name, err)
	}
	name := clonePrefix + rand.Text()[:16]
	if err := s.clone(ctx, name, source); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if _, err := s.admin.ExecContext(ctx, `DROP DATABASE IF EXISTS `+pq.QuoteIdentifier(name)+` WITH (FORCE)`); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return s.url(name)
}

// server is the cluster as this process sees it.
type server struct {
	// admin is connected to the database "postgres".
	admin *sql.DB
	// base is the URL of some database of the server.
	base *url.URL
	// version is server_version_num: 180004 for 18.4.
	version int

	mu        sync.Mutex
	templates map[string]*templateState // by Template.Name
}

// templateState is this process's knowledge of one template. Its lock is held while the template is made.
type templateState struct {
	sync.Mutex
	made bool
}

// connection is made by the first New and lasts as long as the process, and so does the users' lock.
var connection struct {
	sync.Mutex
	*server
	users *os.File
}

// connect is the cluster that this process uses until it ends. A failure is tried again by the next test.
func connect(ctx context.Context) (*server, error) {
	connection.Lock()
	defer connection.Unlock()
	if connection.server != nil {
		return connection.server, nil
	}
	if address := os.Getenv("TEST_DATABASE_URL"); address != "" {
		s, err := dial(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("TEST_DATABASE_URL: %w", err)
		}
		connection.server = s
		return s, nil
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for attempt := 1; ; attempt++ {
		address, users, err := joinCluster(ctx)
		if err != nil {
			return nil, err
		}
		s, err := dial(ctx, address)
		if err == nil {
			connection.server, connection.users = s, users
			return s, nil
		}
		err = errors.Join(fmt.Errorf("connect to the test cluster: %w", err), users.Close())
		if attempt == 100 {
			return nil, err
		}
		// It may have died this moment, and its keeper is about to notice.
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

// dial connects to a server.
func dial(ctx context.Context, address string) (*server, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	s := &server{base: base, templates: map[string]*templateState{}}
	if s.admin, err = sql.Open("postgres", s.url("postgres")); err != nil {
		return nil, err
	}
	s.admin.SetMaxOpenConns(4)
	if err := s.admin.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&s.version); err != nil {
		return nil, errors.Join(err, s.admin.Close())
	}
	return s, nil
}

// url is the URL of a database of the server.
func (s *server) url(database string) string {
	u := *s.base
	u.Path = "/" + database
	return u.String()
}
