package postgres_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// BenchmarkRows measures what writing and reading rows costs: go-us/op is the CPU time of this process, db-us/op that of the database's
// sessions. It is for comparing two builds in turn.
func BenchmarkRows(b *testing.B) {
	db := postgrestest.Open(b)
	store := postgrestest.Store(b, db.API, nil)
	log := postgres.NewLog(db.API)
	now := order.Policy{Expiry: time.Hour, AuthorizationExpiry: time.Hour, DeliveryDelay: time.Hour}
	place := func(b *testing.B) *order.Outcome {
		b.Helper()
		o := newOrder(ada)
		placed, err := store.CreateOrder(b.Context(), ada, o, key(o.Number, 1))
		if err != nil {
			b.Fatal(err)
		}
		return &placed
	}
	change := func(b *testing.B, from *order.Outcome, apply func(o *order.Order, c order.Cause) error) *order.Outcome {
		b.Helper()
		changed, err := store.ChangeOrder(b.Context(), auth.System, from.Order.ID, order.Change{From: from, Apply: func(o *order.Order) (uuid.UUID, error) {
			return uuid.Nil, apply(o, byStaff())
		}})
		if err != nil {
			b.Fatal(err)
		}
		return &changed
	}
	walk := func(b *testing.B) *order.Outcome {
		b.Helper()
		at := place(b)
		for range 2 {
			var work *payment.Work
			at = change(b, at, func(o *order.Order, c order.Cause) (err error) {
				c.Now = c.Now.Add(2 * time.Hour)
				work, err = o.Advance(c, now)
				return err
			})
			if work == nil {
				continue
			}
			at = change(b, at, func(o *order.Order, c order.Cause) error {
				return o.Settle(c, now, work, payment.Result{Outcome: payment.Captured, Reference: "ref"}, nil)
			})
		}
		return at
	}
	var keys []event.Key
	var orders []*order.Order
	for range 50 {
		o := walk(b).Order
		orders = append(orders, o)
		for version := range o.Version {
			keys = append(keys, event.Key{OrderID: o.ID, Version: version + 1})
		}
	}
	if _, err := db.ExecContext(b.Context(), `VACUUM ANALYZE`); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		op   func(b *testing.B)
	}{
		{"Create", func(b *testing.B) { place(b) }},
		{"Walk", func(b *testing.B) { walk(b) }},
		{"Order", func(b *testing.B) {
			if _, err := store.Order(b.Context(), ada, orders[0].ID); err != nil {
				b.Fatal(err)
			}
		}},
		{"First20", func(b *testing.B) {
			if found, err := store.Orders(b.Context(), ada, order.Filter{}, pagination.Request{Limit: 20}); err != nil || len(found.Items) != 20 {
				b.Fatal(err)
			}
		}},
		{"EventsAt", func(b *testing.B) {
			if found, err := log.EventsAt(b.Context(), auth.System, keys[:64]); err != nil || len(found) != 64 {
				b.Fatal(err)
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.op(b) // prepares
			b.ReportAllocs()
			ours, theirs := processTime(), sessionsTime(b, db)
			b.ResetTimer()
			for range b.N {
				c.op(b)
			}
			b.StopTimer()
			b.ReportMetric(float64((processTime()-ours).Microseconds())/float64(b.N), "go-us/op")
			b.ReportMetric(float64((sessionsTime(b, db)-theirs).Microseconds())/float64(b.N), "db-us/op")
		})
	}
}

// processTime is the CPU time of this process.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sessionsTime is the CPU time of the database's sessions that are open now.
func sessionsTime(b *testing.B, db *postgrestest.DB) (sum time.Duration) {
	b.Helper()
	var pids []int
	if err := db.SelectContext(b.Context(), &pids, `SELECT pid FROM pg_stat_activity WHERE datname = current_database()`); err != nil {
		b.Fatal(err)
	}
	for _, pid := range pids {
		raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/schedstat") // nanoseconds on the CPU come first
		if err != nil {
			b.Fatal(err)
		}
		took, err := strconv.ParseInt(strings.Fields(string(raw))[0], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(took)
	}
	return sum
}

// BenchmarkOrderRecord reads an order with one payment and one refund from its record.
func BenchmarkOrderRecord(b *testing.B) {
	db := postgrestest.Open(b)
	store := postgrestest.Store(b, db.API, nil)
	o := newOrder(ada)
	if _, err := store.CreateOrder(b.Context(), ada, o, key(o.Number, 1)); err != nil {
		b.Fatal(err)
	}
	if _, err := db.ExecContext(b.Context(), `INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, created_at, updated_at)
		SELECT id, order_id, customer_id, id, 1, 'EUR', 'FAILED', now(), now() FROM payments`); err != nil {
		b.Fatal(err)
	}
	var raw []byte
	if err := db.GetContext(b.Context(), &raw, `SELECT `+postgres.OrderRecord+` FROM orders o WHERE o.id = $1`, o.ID); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	start := processTime()
	b.ResetTimer()
	for range b.N {
		var read postgres.StoredOrder
		if err := read.Scan(raw); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processTime()-start).Nanoseconds())/float64(b.N), "go-ns/op")
}
