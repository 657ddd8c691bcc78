package postgres_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
)

// One caller's reads hold no more than their share of the connections, however many there are, and others are served meanwhile.
func TestReadsShareConnections(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	const share = 3
	reads := postgres.NewReads(share)
	o := create(t, store, ada)

	// Reads of orders wait for this lock, those of products do not.
	lock := db.MustBeginTx(t.Context(), nil)
	defer func() { _ = lock.Rollback() }()
	lock.MustExec(`LOCK TABLE orders IN ACCESS EXCLUSIVE MODE`)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var flood sync.WaitGroup
	for range 20 {
		flood.Go(func() {
			_, err := store.Order(reads.As(ctx, "ada", 0), ada, o.ID)
			if err == nil {
				t.Error("read through a lock")
			}
		})
	}
	waiting := func() (n int) {
		if err := db.GetContext(t.Context(), &n, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for deadline := time.Now().Add(eventually.Patience); waiting() < share; {
		if time.Now().After(deadline) {
			t.Fatal("the reads do not come to the lock")
		}
	}
	for range 20 { // those that wait for their turn have none of the others' connections
		if _, err := store.Products(reads.As(t.Context(), "grace", 0), product.Filter{}, pagination.Request{Limit: 1}); err != nil {
			t.Fatal(err)
		}
		if n := db.API.Stats().InUse; n > share {
			t.Fatalf("%d connections are in use by one caller, whose share is %d", n, share)
		}
	}
	if n := waiting(); n != share {
		t.Errorf("%d reads are at the database, want %d", n, share)
	}
	stop()
	flood.Wait()
}

// A read that is over its time ends, and the next one is served.
func TestReadTimeout(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	reads := postgres.NewReads(1)
	o := create(t, store, ada)
	lock := db.MustBeginTx(t.Context(), nil)
	defer func() { _ = lock.Rollback() }()
	lock.MustExec(`LOCK TABLE orders IN ACCESS EXCLUSIVE MODE`)
	// Whichever of the two ends of a deadline is first: the context's, or that of the connection, which a lock keeps from parsing.
	if _, err := store.Order(reads.As(t.Context(), "ada", time.Millisecond), ada, o.ID); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want the end of its time", err)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Order(reads.As(t.Context(), "ada", eventually.Patience), ada, o.ID); err != nil {
		t.Error(err)
	}
}
