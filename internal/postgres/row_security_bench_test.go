package postgres_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// BenchmarkStore measures a customer's calls, of 200 customers with 50 orders each; for comparing policies, see
// docs/decisions/0014-row-level-security.md.
func BenchmarkStore(b *testing.B) {
	db := postgrestest.Open(b)
	for _, statement := range []string{
		`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, created_at, updated_at)
			SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, n, ('00000000-0000-8000-8000-' || lpad((n % 200)::text, 12, '0'))::uuid,
				'CREATED', 1, 'EUR', 100, '[{"name": "Mug"}]', now(), now() FROM generate_series(1, 10000) n`,
		`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, created_at, updated_at)
			SELECT id, id, customer_id, 'DECLINED', 100, 'EUR', 'simulated', 'AUTOMATIC', '', now(), now() FROM orders`,
		`VACUUM ANALYZE`,
	} {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	store := postgrestest.Store(b, db.API, nil)
	owner := ada
	owner.CustomerID = id.Customer(uuid.MustParse("00000000-0000-8000-8000-000000000007"))
	mine := id.Order(uuid.MustParse("00000000-0000-7000-8000-000000000007"))
	b.Run("Order", func(b *testing.B) {
		var took []time.Duration
		defer func() { slices.Sort(took); b.ReportMetric(float64(took[len(took)/10].Nanoseconds()), "p10-ns") }()
		for b.Loop() {
			start := time.Now()
			if _, err := store.Order(b.Context(), owner, mine); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
	})
	b.Run("First20", func(b *testing.B) {
		var took []time.Duration
		defer func() { slices.Sort(took); b.ReportMetric(float64(took[len(took)/10].Nanoseconds()), "p10-ns") }()
		for b.Loop() {
			start := time.Now()
			if found, err := store.Orders(b.Context(), owner, order.Filter{}, pagination.Request{Limit: 20}); err != nil || len(found.Items) != 20 {
				b.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
	})
	b.Run("First20Staff", func(b *testing.B) {
		var took []time.Duration
		defer func() { slices.Sort(took); b.ReportMetric(float64(took[len(took)/10].Nanoseconds()), "p10-ns") }()
		for b.Loop() {
			start := time.Now()
			if found, err := store.Orders(b.Context(), staff, order.Filter{}, pagination.Request{Limit: 20}); err != nil || len(found.Items) != 20 {
				b.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
	})
	b.Run("CreateAt16", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				o := newOrder(ada)
				if _, err := store.CreateOrder(b.Context(), ada, o, key(o.Number, 1)); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("ChangeAt16", func(b *testing.B) {
		var orders []*order.Order
		for range 256 {
			o := newOrder(ada)
			if _, err := store.CreateOrder(b.Context(), ada, o, key(o.Number, 1)); err != nil {
				b.Fatal(err)
			}
			orders = append(orders, o)
		}
		var n atomic.Int64
		b.SetParallelism(8)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				o := orders[n.Add(1)%256]
				_, err := store.ChangeOrder(b.Context(), ada, o.ID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
					o.UpdatedAt = o.UpdatedAt.Add(1000)
					return uuid.Nil, nil
				}})
				if err != nil {
					b.Error(err)
				}
			}
		})
	})
}
