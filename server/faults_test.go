package main

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// unavailable reports whether err is the error that a client should get if the database does not answer: a clear code, and nothing
// about the database.
func unavailable(err error) bool {
	var refused *refusedError
	return errors.As(err, &refused) && strings.Contains(refused.payload, `"UNAVAILABLE"`) &&
		!strings.Contains(refused.payload, "pq:") && !strings.Contains(refused.payload, "SQL")
}

// recovered waits until the server serves again by itself.
func recovered(t *testing.T, app *App, c *client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	for {
		err := c.graphql(ctx, `{ products { nodes { id } } }`, nil, new(any))
		ready, _ := status(t, app.URL(), "/readyz", "")
		if err == nil && ready == 200 {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("not served again: %v, readyz %d", err, ready)
		}
		time.Sleep(10 * time.Millisecond) // a pause between attempts
	}
}

// The client's view of each kind of database failure; the server recovers without help.
func TestDatabaseFaults(t *testing.T) {
	t.Parallel()
	const products = `{ products { nodes { id } } }`

	t.Run("NoConnectionLeft", func(t *testing.T) {
		t.Parallel()
		app := startApp(t, postgrestest.URL(t), "DATABASE_MAX_CONNS=4", "OPERATION_TIMEOUT=300ms")
		c := &client{url: app.URL()}
		var held []*sql.Conn
		for range app.db.api.Stats().MaxOpenConnections {
			conn, err := app.db.api.DB.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, conn)
		}
		if err := c.graphql(t.Context(), products, nil, new(any)); !unavailable(err) {
			t.Errorf("err = %v, want UNAVAILABLE", err)
		}
		for _, conn := range held {
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
		}
		recovered(t, app, c)
	})

	t.Run("Silence", func(t *testing.T) {
		t.Parallel()
		network := newProxy(t, postgrestest.URL(t))
		app := startApp(t, network.url, "OPERATION_TIMEOUT=1s")
		c := &client{url: app.URL()}
		network.cut()
		answered := make(chan error, 1)
		go func() { answered <- c.graphql(context.WithoutCancel(t.Context()), products, nil, new(any)) }()
		if ready, _ := status(t, app.URL(), "/readyz", ""); ready != 503 {
			t.Errorf("readyz while the network is silent: %d, want 503", ready)
		}
		network.heal() // which resets open connections, as a network does
		if err := <-answered; err != nil && !unavailable(err) {
			t.Errorf("err = %v, want UNAVAILABLE or an answer", err)
		}
		recovered(t, app, c)
	})

	t.Run("Lock", func(t *testing.T) {
		t.Parallel()
		impatient, err := url.Parse(postgrestest.URL(t))
		if err != nil {
			t.Fatal(err)
		}
		query := impatient.Query()
		query.Set("lock_timeout", "100")
		impatient.RawQuery = query.Encode()
		app := startApp(t, impatient.String())
		grace := signedIn(t, app.URL(), "grace", "STAFF")
		archive := `mutation($id: ID!) { productArchive(input: {productId: $id}) { product { archived } } }`
		tx, err := app.db.owner.BeginTxx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(`SELECT FROM products FOR UPDATE`); err != nil {
			t.Fatal(err)
		}
		if err := grace.graphql(t.Context(), archive, map[string]any{"id": grace.productID}, new(any)); !unavailable(err) {
			t.Errorf("err = %v, want UNAVAILABLE", err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err := grace.graphql(t.Context(), archive, map[string]any{"id": grace.productID}, new(any)); err != nil {
			t.Errorf("the lock is free: %v", err)
		}
	})

	t.Run("ConnectionsEnded", func(t *testing.T) {
		t.Parallel()
		app := startApp(t, postgrestest.URL(t))
		c := &client{url: app.URL()}
		// As an operator does, or a restart: all of them at once, the listener's and the sequencer's too.
		other := postgrestest.Connect(t, app.db.url).DB
		if _, err := other.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
		if err := c.graphql(t.Context(), products, nil, new(any)); err != nil && !unavailable(err) {
			t.Errorf("err = %v, want UNAVAILABLE or an answer", err)
		}
		recovered(t, app, c)
	})
}
