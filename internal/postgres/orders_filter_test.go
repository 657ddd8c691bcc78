package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
)

// crowd places n plain orders of a customer, one a second, the last one now, with a payment each. An expression of n, their number
// from 1 on, says what their lines are.
func crowd(t *testing.T, db *sqlx.DB, customer id.Customer, n int, lines string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), `
		WITH placed AS (
			INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, external_reference, lines, created_at, updated_at)
			SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 1, 15))::uuid,
				'OW-' || upper(substr(md5(n::text), 1, 8)), $1, 'CREATED', 1, 'EUR', 100, 'shared', `+lines+`, at, at
			FROM generate_series(1, $2::integer) n, LATERAL (SELECT now() - ($2::integer - n) * interval '1 second' AS at) t
			RETURNING id, customer_id, created_at
		)
		INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, created_at, updated_at)
		SELECT gen_random_uuid(), id, customer_id, 'INITIALIZING', 100, 'EUR', 'simulated', 'AUTOMATIC', '', created_at, created_at FROM placed`, customer, n)
	if err != nil {
		t.Fatal(err)
	}
}

const (
	oneLine = `jsonb_build_array(jsonb_build_object('productId', gen_random_uuid(), 'name', 'Mug ' || n, 'quantity', 1,
		'unitPrice', jsonb_build_object('minor', 100, 'currency', 'EUR'), 'total', jsonb_build_object('minor', 100, 'currency', 'EUR')))`
	hundredLines = `(SELECT jsonb_agg(jsonb_build_object('productId', gen_random_uuid(), 'name', repeat(md5(i::text), 6), 'quantity', 1,
		'unitPrice', jsonb_build_object('minor', 1, 'currency', 'EUR'), 'total', jsonb_build_object('minor', 1, 'currency', 'EUR'))) FROM generate_series(1, 100) i)`
)

// rowsRead returns the number of rows of orders and payments read so far, by any index or none.
func rowsRead(t *testing.T, db *sqlx.DB) int {
	t.Helper()
	return rowsOf(t, db, "orders", "payments")
}

// rowsOf returns the number of rows of tables read so far, by any index or none.
func rowsOf(t *testing.T, db *sqlx.DB, tables ...string) int {
	t.Helper()
	var n int
	if _, err := db.ExecContext(t.Context(), `SELECT pg_stat_force_next_flush()`); err != nil {
		t.Fatal(err)
	}
	err := db.GetContext(t.Context(), &n, `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables WHERE relname = ANY($1)`, pq.StringArray(tables))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Whatever is combined, one page reads a bounded number of rows of 6,000, for staff and for a customer who has all of them.
func TestFilterIsBounded(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	const orders = 3 * postgres.WindowRows
	crowd(t, db.DB, ada.CustomerID, orders, oneLine)
	if _, err := db.ExecContext(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
	one := postgrestest.Pool(t, db.URL, postgres.RoleAPI)
	one.SetMaxOpenConns(1)
	store := postgrestest.Store(t, one, nil)
	early, late := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	shared, none := "shared", "none"
	narrowings := []func(*order.Filter){
		func(f *order.Filter) { f.Status = []order.Status{order.Cancelled} },
		func(f *order.Filter) { f.PaymentStatus = []payment.Status{payment.Declined} },
		func(f *order.Filter) { f.CreatedFrom, f.CreatedTo = &early, &late },
		func(f *order.Filter) { f.Search = "no such thing" },
		func(f *order.Filter) { f.Search = strings.Repeat("%_", 50) },
		func(f *order.Filter) { f.Search = `\` },
		func(f *order.Filter) { f.ExternalReference = &shared },
		func(f *order.Filter) { f.ExternalReference = &none },
		func(f *order.Filter) { f.CustomerID = id.Some(ada.CustomerID) },
		func(f *order.Filter) { f.CustomerID = id.Some(grace.CustomerID) },
		func(f *order.Filter) { f.CustomerID = id.Some(id.Customer{}) },
	}
	// An order is read once for the window and once for its conditions, and its payment once.
	const most = 4 * postgres.WindowRows
	for _, p := range []auth.Principal{staff, ada} {
		for combination := range 1 << len(narrowings) {
			var f order.Filter
			for i, narrow := range narrowings {
				if combination&(1<<i) != 0 {
					narrow(&f)
				}
			}
			if p.Role != auth.RoleStaff && f.CustomerID.Valid || combination%31 != 0 && combination&(combination-1) != 0 { // single ones, and some of the rest
				continue
			}
			before := rowsRead(t, one)
			result, err := store.Orders(t.Context(), p, f, pagination.Request{Limit: pagination.Max, Backward: combination%2 == 1})
			if err != nil {
				t.Fatal(err)
			}
			if read := rowsRead(t, one) - before; read > most {
				t.Errorf("%s: %+v reads %d rows of %d for a page of %d", p.Role, f, read, 2*orders, len(result.Items))
			}
		}
	}
}

// A filter that only the oldest of many orders meets finds it by going on from each short page's end, in both directions.
func TestShortPages(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	const orders = 2*postgres.WindowRows + 1000
	crowd(t, db.DB, ada.CustomerID, orders, oneLine)
	for _, backward := range []bool{false, true} {
		sought := map[bool]string{false: "mug 1", true: fmt.Sprintf("mug %d", orders)}[backward]
		f := order.Filter{Search: sought, Status: []order.Status{order.Created}}
		r := pagination.Request{Limit: 1, Backward: backward}
		// Forward "mug 1" is also in "Mug 10" and so on: they come first, and the list is walked to its end.
		var found []string
		short := 0
		for range orders {
			result, err := store.Orders(t.Context(), ada, f, r)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range result.Items {
				found = append(found, o.Lines[0].Name)
			}
			next := result.Reached
			if !next.Valid && len(result.Items) > 0 {
				next = id.Some(uuid.UUID(result.Items[0].ID))
			} else if next.Valid {
				short++
			}
			if more := map[bool]bool{false: result.HasNext, true: result.HasPrevious}[backward]; !more {
				break
			}
			if backward {
				r.Before = next
			} else {
				r.After = next
			}
		}
		if want := strings.ToUpper(sought[:1]) + sought[1:]; len(found) == 0 || found[len(found)-1] != want || short == 0 {
			t.Errorf("backward %v: the last of %d found is %v after %d short pages, want %s", backward, len(found), found[max(0, len(found)-1):], short, want)
		}
		seen := map[string]bool{}
		for _, name := range found {
			if seen[name] {
				t.Errorf("%s was found twice", name)
			}
			seen[name] = true
		}
	}
}

// Orders with a hundred lines of long names are examined by their size, not by their number.
func TestSearchIsBoundedByBytes(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	const orders = 400
	crowd(t, db.DB, ada.CustomerID, orders, hundredLines)
	one := postgrestest.Pool(t, db.URL, postgres.RoleAPI)
	one.SetMaxOpenConns(1)
	store := postgrestest.Store(t, one, nil)
	result, err := store.Orders(t.Context(), staff, order.Filter{Search: "no such thing"}, pagination.Request{Limit: 20})
	if err != nil {
		t.Fatal(err)
	}
	if !result.HasNext || !result.Reached.Valid || len(result.Items) != 0 {
		t.Fatalf("all of %d large orders were searched: %+v", orders, result)
	}
	var examined int
	if err := db.GetContext(t.Context(), &examined, `SELECT count(*) FROM orders WHERE id >= $1`, result.Reached); err != nil {
		t.Fatal(err)
	}
	if examined < 1 || examined > orders/2 {
		t.Errorf("%d of %d large orders were examined", examined, orders)
	}
}

// A whole number or external reference finds its order behind any number of newer ones, and nothing else.
func TestSearchByWholeName(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	reference := "web-000123"
	old := newOrder(ada)
	old.ExternalReference = &reference
	old.ID = id.Order(uuid.MustParse("01800000-0000-7000-8000-000000000001"))
	old.Payments[0].OrderID = old.ID
	if _, err := store.CreateOrder(t.Context(), ada, old, key("old", 1)); err != nil {
		t.Fatal(err)
	}
	crowd(t, db.DB, grace.CustomerID, postgres.WindowRows+500, oneLine)
	for _, search := range []string{old.Number, strings.ToLower(old.Number), reference} {
		for _, p := range []auth.Principal{staff, ada, grace} {
			result, err := store.Orders(t.Context(), p, order.Filter{Search: search}, pagination.Request{Limit: 20})
			if err != nil {
				t.Fatal(err)
			}
			if p.CustomerID == grace.CustomerID {
				if len(result.Items) != 0 {
					t.Errorf("another customer finds %q", search)
				}
			} else if len(result.Items) != 1 || result.Items[0].ID != old.ID || result.HasNext {
				t.Errorf("%s: %q finds %d orders, next %v", p.Role, search, len(result.Items), result.HasNext)
			}
		}
	}
}

// A page of a large catalogue reads a bounded part of it, and the rest is found by going on.
func TestProductsAreBounded(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	_, err := db.ExecContext(t.Context(), `
		INSERT INTO products (id, sku, name, description, price_minor, currency)
		SELECT (lpad(to_hex(n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, 'sku-' || n, CASE n WHEN 6000 THEN 'Rare' ELSE 'Common' END, '', 1, 'EUR'
		FROM generate_series(1, 6000) n`)
	if err != nil {
		t.Fatal(err)
	}
	r := pagination.Request{Limit: 10}
	first, err := store.Products(t.Context(), product.Filter{Search: "rare"}, r)
	if err != nil || len(first.Items) != 0 || !first.HasNext || !first.Reached.Valid {
		t.Fatalf("%+v %v", first, err)
	}
	r.After = first.Reached
	second, err := store.Products(context.Background(), product.Filter{Search: "RARE", Currency: "EUR"}, r)
	if err != nil || len(second.Items) != 1 || second.Items[0].SKU != "sku-6000" || second.HasNext {
		t.Fatalf("%+v %v", second, err)
	}
}

// The time in an order's id may be up to an hour off created_at, either way: versions before this one read the machine's clock for each.
func TestCreatedAtBesideIDs(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	for _, off := range []time.Duration{-59 * time.Minute, 0, 59 * time.Minute} {
		o := newOrder(ada)
		o.ID = id.At[id.Order](o.CreatedAt.Add(off))
		if _, err := store.CreateOrder(t.Context(), ada, o, key(o.Number, 1)); err != nil {
			t.Fatal(err)
		}
		from, to := o.CreatedAt, o.CreatedAt.Add(time.Microsecond)
		found, err := store.Orders(t.Context(), ada, order.Filter{CreatedFrom: &from, CreatedTo: &to}, pagination.Request{Limit: 10})
		if err != nil || len(found.Items) != 1 || found.Items[0].ID != o.ID {
			t.Errorf("an id %v off: %d orders, %v", off, len(found.Items), err)
		}
	}
}
