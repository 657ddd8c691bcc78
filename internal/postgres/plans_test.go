package postgres_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
)

// customPlans is the number of times that PostgreSQL plans a statement for its values before it considers a generic plan
// (choose_custom_plan in its plancache.c).
const customPlans = 5

// TestPlannedOnce does each thing that is done all the time often enough, on one connection, and asks PostgreSQL whether
// it has planned a prepared statement for each time. What planning costs beside the execution is a multiple of it.
func TestPlannedOnce(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	one := postgrestest.Pool(t, db.URL, postgres.RoleAPI)
	one.SetMaxOpenConns(1)
	store := postgrestest.Store(t, one, nil)
	if err := postgrestest.Store(t, db.Worker, nil).SeedProducts(t.Context(), product.Catalogue()); err != nil {
		t.Fatal(err)
	}
	products, err := store.Products(t.Context(), product.Filter{}, pagination.Request{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	feed := postgres.NewLog(one)
	for range 4 * customPlans {
		o := newOrder(ada)
		if _, err := store.CreateOrder(t.Context(), ada, o, key(o.Number, 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := store.ProductsByID(t.Context(), []id.Product{products.Items[0].ID}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Order(t.Context(), ada, o.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Orders(t.Context(), ada, order.Filter{}, pagination.Request{Limit: pagination.Default}); err != nil {
			t.Fatal(err)
		}
		_, err := store.ChangeOrder(t.Context(), ada, o.ID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
			o.UpdatedAt = o.UpdatedAt.Add(time.Second)
			return uuid.Nil, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := feed.Order(t.Context(), ada, o.ID, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := feed.Events(t.Context(), ada, o.ID, 0, 10); err != nil {
			t.Fatal(err)
		}
		if _, err := feed.EventsAt(t.Context(), auth.System, []event.Key{{OrderID: o.ID, Version: 1}}); err != nil {
			t.Fatal(err)
		}
		if _, err := feed.FeedTail(t.Context(), auth.System, 0, 100); err != nil {
			t.Fatal(err)
		}
	}
	work := postgrestest.Pool(t, db.URL, postgres.RoleWorker)
	work.SetMaxOpenConns(1)
	worker := postgrestest.Store(t, work, nil)
	sequencer := postgres.NewSequencer(work, "test", time.Minute)
	if held, err := sequencer.Acquire(t.Context()); err != nil || !held {
		t.Fatal(held, err)
	}
	for range 4 * customPlans {
		o := newOrder(ada)
		o.Payment().NextStepAt = &o.CreatedAt // due at once
		if _, err := store.CreateOrder(t.Context(), ada, o, key(o.Number, 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := sequencer.Assign(t.Context()); err != nil {
			t.Fatal(err)
		}
		leases, err := worker.ClaimDue(t.Context(), time.Now(), []order.Want{{Limit: 10}, {Lane: "simulated", Limit: 10}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range leases {
			_, err := worker.ChangeOrder(t.Context(), auth.System, leases[i].OrderID, order.Change{
				Lease: &leases[i], Apply: func(o *order.Order) (uuid.UUID, error) {
					o.UpdatedAt = o.UpdatedAt.Add(time.Second)
					return uuid.Nil, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := worker.NextDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, pool := range []*sqlx.DB{one, work} {
		plannedOnce(t, pool)
		readsByIndex(t, pool)
	}
}

// PostgreSQL's statistics name the customers with most orders. So a custom plan for a customer with few looks cheaper than a
// generic one, and would be made again for each request.
func TestPlannedOnceForWhoHasFew(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	one := postgrestest.Pool(t, db.URL, postgres.RoleAPI)
	one.SetMaxOpenConns(1)
	store, feed := postgrestest.Store(t, one, nil), postgres.NewLog(one)
	o := create(t, store, ada)
	var crowd sync.WaitGroup
	many := postgrestest.Store(t, db.API, nil)
	for range 500 {
		crowd.Go(func() { create(t, many, grace) })
	}
	crowd.Wait()
	if _, err := db.ExecContext(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
	for range 4 * customPlans {
		_, errOrder := store.Order(t.Context(), ada, o.ID)
		_, errOrders := store.Orders(t.Context(), ada, order.Filter{}, pagination.Request{Limit: pagination.Default})
		_, errSnapshot := feed.Order(t.Context(), ada, o.ID, 0)
		_, errEvents := feed.Events(t.Context(), ada, o.ID, 0, 10)
		_, errPages := store.EventPages(t.Context(), ada, []order.EventPageRequest{{OrderID: o.ID, Limit: 10}})
		if err := errors.Join(errOrder, errOrders, errSnapshot, errEvents, errPages); err != nil {
			t.Fatal(err)
		}
	}
	plannedOnce(t, one)
}

// grows are scans of all of a table that has a row for each order, or one for each that is not finished.
var grows = regexp.MustCompile(`Seq Scan on (orders|order_work|payments|payment_attempts|refunds|idempotency_keys|order_events\w*|feed_\d+)\b`)

// readsByIndex looks at the plan for all values of each statement, as it is made on a database that was never analyzed. A
// connection keeps it until the tables are, and they grow meanwhile.
func readsByIndex(t *testing.T, pool *sqlx.DB) {
	t.Helper()
	var statements []struct {
		Text   string `db:"statement"`
		Values int    `db:"n"`
	}
	if err := pool.SelectContext(t.Context(), &statements, `SELECT statement, cardinality(parameter_types) AS n FROM pg_prepared_statements`); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.ExecContext(t.Context(), `SET plan_cache_mode = force_generic_plan`); err != nil {
		t.Fatal(err)
	}
	for i, s := range statements {
		name := fmt.Sprintf("explained_%d", i)
		if _, err := pool.ExecContext(t.Context(), "PREPARE "+name+" AS "+s.Text); err != nil {
			t.Fatal(err)
		}
		execute := "EXPLAIN EXECUTE " + name
		if s.Values > 0 {
			execute += "(NULL" + strings.Repeat(", NULL", s.Values-1) + ")"
		}
		var plan []string
		if err := pool.SelectContext(t.Context(), &plan, execute); err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); grows.MatchString(text) {
			t.Errorf("%s\nreads all of %v:\n%s", s.Text, grows.FindAllString(text, -1), text)
		}
	}
}

func plannedOnce(t *testing.T, one *sqlx.DB) {
	t.Helper()
	var plans []struct {
		Statement string `db:"statement"`
		Custom    int    `db:"custom_plans"`
		Generic   int    `db:"generic_plans"`
	}
	if err := one.SelectContext(t.Context(), &plans, `SELECT statement, custom_plans, generic_plans FROM pg_prepared_statements`); err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		if p.Custom > customPlans {
			t.Errorf("planned %d times: %s", p.Custom, p.Statement)
		}
	}
}
