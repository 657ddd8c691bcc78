package postgres_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// Whatever way PostgreSQL chooses, and also with the plans that prepared statements get after a while, the principal is set
// before a policy looks.
func TestPrincipalIsSetFirst(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	for range 40 {
		create(t, store, grace)
	}
	o := create(t, store, ada)
	s := sequencer(t, db, time.Hour)
	take(t, s, true)
	assignAll(t, s)
	if _, err := db.ExecContext(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
	for _, settings := range []string{
		"", "plan_cache_mode=force_generic_plan", "enable_nestloop=off", "enable_nestloop=off&plan_cache_mode=force_generic_plan",
		"enable_nestloop=off&enable_hashjoin=off&plan_cache_mode=force_generic_plan", "enable_hashjoin=off&enable_mergejoin=off",
		"enable_indexscan=off&enable_bitmapscan=off&enable_indexonlyscan=off&plan_cache_mode=force_generic_plan",
		"enable_seqscan=off", "from_collapse_limit=1&join_collapse_limit=1",
		"min_parallel_table_scan_size=0&parallel_setup_cost=0&parallel_tuple_cost=0",
	} {
		t.Run(settings, func(t *testing.T) {
			pool := postgrestest.Pool(t, db.URL+"&jit=off&"+settings, postgres.RoleAPI)
			pool.SetMaxOpenConns(1) // so that its statements come to their generic plans
			store := postgrestest.Store(t, pool, nil)
			for i := range 12 {
				if i%6 == 0 {
					expectSeen(t, pool, store, o)
				}
				mine := newOrder(ada)
				mine.Payments[0].NextStepAt = &mine.CreatedAt // so that its first step is due
				if _, err := store.CreateOrder(t.Context(), ada, mine, key(mine.Number, 1)); err != nil {
					t.Fatal(err)
				}
				advanceBy(t, store, ada, mine.ID)
				advanceBy(t, store, staff, mine.ID)
			}
		})
	}
}

// advanceBy has somebody take an order a step further, which changes rows of every kind but refunds.
func advanceBy(t *testing.T, store *postgres.Store, p auth.Principal, orderID id.Order) {
	t.Helper()
	o, err := store.Order(t.Context(), p, orderID)
	if err != nil {
		t.Fatal(err)
	}
	version := o.Version
	outcome, err := store.ChangeOrder(t.Context(), p, orderID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
		cause := order.Cause{Now: order.SystemClock(), Actor: order.Actor{Kind: order.ActorCustomer, ID: p.CustomerID}}
		if o.Version == 1 {
			_, err := o.Advance(cause, policy)
			return uuid.Nil, err
		}
		return uuid.Nil, o.Cancel(cause, order.CancelledByCustomer)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if outcome.Order.Version == version {
		t.Fatalf("version %d did not change", version)
	}
	if o, err = store.Order(t.Context(), p, orderID); err != nil || o.Version != outcome.Order.Version {
		t.Errorf("version %d, %v; want %d", o.Version, err, outcome.Order.Version)
	}
}

// Staff in a batch do not open the others' orders to its customers, nor do customers each other's.
func TestBatchesKeepPrincipalsApart(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	unconditional := postgrestest.Store(t, postgrestest.WithoutConditions(t, db.URL, false), nil)
	type answer struct {
		p   auth.Principal
		err error
	}
	answers := make(chan answer)
	const rounds = 20
	for _, people := range [][]auth.Principal{{ada, grace, {CustomerID: ada.CustomerID}}, {ada, grace, staff, {CustomerID: ada.CustomerID}}} {
		var orders []*order.Order // of each only one change goes into a batch
		for range rounds * len(people) {
			orders = append(orders, create(t, store, ada))
		}
		for i, o := range orders {
			p := people[i%len(people)]
			go func() {
				_, err := unconditional.ChangeOrder(t.Context(), p, o.ID, order.Change{Apply: func(*order.Order) (uuid.UUID, error) { return uuid.Nil, nil }})
				answers <- answer{p, err}
			}()
		}
		for range orders {
			a := <-answers
			if allowed := a.p.CanSee(ada.CustomerID); allowed != (a.err == nil) || !allowed && fault.CodeOf(a.err) != fault.NotFound {
				t.Errorf("%s %s: %v", a.p.Role, a.p.CustomerID, a.err)
			}
		}
	}
	// Nor does anybody place orders for others.
	theirs := newOrder(ada)
	if _, err := unconditional.CreateOrder(t.Context(), grace, theirs, key("theirs", 1)); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("grace orders for ada: %v", err)
	}
	if _, err := unconditional.CreateOrder(t.Context(), auth.Principal{CustomerID: ada.CustomerID}, theirs, key("theirs", 1)); err == nil {
		t.Error("nobody orders for ada")
	}
}

// A connection goes back to the pool as nobody's, whatever became of the statement.
func TestPrincipalLeavesWithItsStatement(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	create(t, postgrestest.Store(t, db.API, nil), ada)
	pool := postgrestest.Pool(t, db.URL, postgres.RoleAPI)
	pool.SetMaxOpenConns(1)
	run := func(ctx context.Context, query string) error {
		var text sql.NullString
		return pool.GetContext(ctx, &text, postgres.AsPrincipal(query, 1), "*")
	}
	for name, end := range map[string]func(t *testing.T){
		"Done": func(t *testing.T) {
			if err := run(t.Context(), `SELECT number FROM orders`); err != nil {
				t.Error(err)
			}
		},
		"Failed": func(t *testing.T) {
			if err := run(t.Context(), `SELECT number::uuid::text FROM orders`); err == nil {
				t.Error("it did not fail")
			}
		},
		"Cancelled": func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				for running := 0; running == 0; {
					running = count(t, db, `pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(1000)%' AND pid <> pg_backend_pid()`)
				}
				cancel()
			}()
			if err := run(ctx, `SELECT pg_sleep(1000)::text FROM orders`); err == nil {
				t.Error("it was not cancelled")
			}
		},
		"RolledBack": func(t *testing.T) {
			tx := pool.MustBeginTx(t.Context(), nil)
			tx.MustExec(`SELECT set_config('app.principal', '*', true)`)
			if err := tx.Rollback(); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			end(t)
			nobody(t, pool)
		})
	}
	t.Run("RoleStays", func(t *testing.T) {
		pool.MustExec(`RESET ROLE`)
		pool.MustExec(`RESET ALL`)
		nobody(t, pool)
	})
}

// nobody fails the test unless the pool's one connection is the API's and nobody's.
func nobody(t *testing.T, pool *sqlx.DB) {
	t.Helper()
	var left struct {
		Role      string `db:"role"`
		Principal string `db:"principal"`
		Orders    int    `db:"orders"`
	}
	if err := pool.GetContext(t.Context(), &left, `SELECT current_user AS role, coalesce(current_setting('app.principal', true), '') AS principal,
		(SELECT count(*) FROM orders) AS orders`); err != nil {
		t.Fatal(err)
	}
	if left.Role != string(postgres.RoleAPI) || left.Principal != "" || left.Orders != 0 {
		t.Errorf("the connection is %+v", left)
	}
}
