package postgres_test

import (
	"crypto/rand"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/stats"
)

// history writes orders and events as they would be after things happened at times that the test chooses.
type history struct {
	t  *testing.T
	db *postgrestest.DB
}

// idAt is a UUIDv7 of a moment.
func idAt(at time.Time) uuid.UUID {
	id := postgres.FirstID(at)
	_, _ = rand.Read(id[8:])
	id[6], id[8] = 0x70, id[8]&0x3f|0x80
	return id
}

func (h history) exec(statement string, args ...any) {
	h.t.Helper()
	if _, err := h.db.ExecContext(h.t.Context(), statement, args...); err != nil {
		h.t.Fatal(err)
	}
}

// order made at a time, now in a status.
func (h history) order(at time.Time, status order.Status) id.Order {
	h.t.Helper()
	id := id.Order(idAt(at))
	h.exec(`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, captured_minor, refunded_minor, cancel_reason, lines, created_at, updated_at)
		VALUES ($1, $1::uuid::text, gen_random_uuid(), $2, 1, 'EUR', 100, 100, CASE WHEN $2 = 'CANCELLED' THEN 100 ELSE 0 END,
			CASE WHEN $2 LIKE 'CANCEL%' THEN 'STAFF' END, '[{}]', $3, $3)`, id, string(status), at)
	return id
}

func (h history) event(orderID id.Order, version int, kind order.EventType, at time.Time, data string) {
	h.t.Helper()
	h.exec(`INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, request_id, occurred_at, data, state, log_epoch)
		SELECT $1, $2, $3, $4, customer_id, 'SYSTEM', '', $5, $6, '{}', 1 FROM orders WHERE id = $1`, orderID, version, idAt(at), string(kind), at, data)
}

func TestStats(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	h := history{t, db}
	store := postgrestest.Store(t, db.API, nil)
	now := time.Date(2026, 5, 1, 12, 0, 10, 0, time.UTC)
	span := stats.SpanOf(stats.Last15Minutes, now)

	paid := func(at time.Time, after time.Duration, amount string) {
		id := h.order(at, order.Delivered)
		h.event(id, 1, order.OrderCreated, at, `{}`)
		h.event(id, 2, order.PaymentProcessing, at.Add(after/2), `{}`)
		h.event(id, 3, order.PaymentConfirmed, at.Add(after), `{"amount": `+amount+`}`)
		h.event(id, 4, order.OrderDelivered, at.Add(after), `{}`)
	}
	paid(now.Add(-10*time.Second), 2*time.Second, `{"minor": 1250, "currency": "EUR"}`)
	paid(now.Add(-10*time.Second), 4*time.Second, `{"minor": 50, "currency": "EUR"}`)
	paid(now.Add(-time.Minute), time.Second, `{"minor": 900, "currency": "JPY"}`)
	// Made before the window and paid in it, made and paid before it, and on its first moment.
	paid(span.From.Add(-time.Minute), 2*time.Minute, `{"minor": 7, "currency": "EUR"}`)
	paid(span.From.Add(-time.Hour), time.Minute, `{"minor": 1000000, "currency": "EUR"}`)
	first := h.order(span.From, order.Created)
	h.event(first, 1, order.OrderCreated, span.From, `{}`)
	h.event(first, 2, order.PaymentDeclined, span.From.Add(40*time.Second), `{}`)
	gone := h.order(now.Add(-5*time.Minute), order.Cancelled)
	h.event(gone, 1, order.OrderCreated, now.Add(-5*time.Minute), `{}`)
	h.event(gone, 2, order.OrderCancelling, now.Add(-4*time.Minute), `{}`)
	h.event(gone, 3, order.OrderCancelled, now.Add(-3*time.Minute), `{}`)
	h.exec(`INSERT INTO order_work (order_id, customer_id, due_at) SELECT id, customer_id, now() FROM orders WHERE id = $1`, first)
	h.exec(`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, attention, created_at, updated_at)
		SELECT gen_random_uuid(), id, customer_id, 'DECLINED', 100, 'EUR', 'simulated', 'AUTOMATIC', '', 'MISMATCH', now(), now() FROM orders WHERE id = $1`, first)

	got, err := store.Stats(t.Context(), staff, span)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[order.Status]int{}
	for _, c := range got.OrdersByStatus {
		counts[c.Status] = c.Count
	}
	if len(got.OrdersByStatus) != 5 || counts[order.Delivered] != 3 || counts[order.Created] != 1 || counts[order.Cancelled] != 1 || counts[order.Confirmed] != 0 {
		t.Errorf("orders by status %v", got.OrdersByStatus)
	}
	if len(got.Revenue) != 2 || got.Revenue[0] != money.New(1307, "EUR") || got.Revenue[1] != money.New(900, "JPY") {
		t.Errorf("revenue %v", got.Revenue)
	}
	if want := (stats.Percentiles{P50Ms: 2000, P95Ms: 120000, P99Ms: 120000}); got.TimeToConfirmed != want {
		t.Errorf("time to confirmed %v", got.TimeToConfirmed)
	}
	if got.InFlight != 1 || got.Attention != 1 {
		t.Errorf("in flight %d, attention %d", got.InFlight, got.Attention)
	}
	wantPoints := map[int]stats.Point{
		0:  {Created: 1},
		1:  {Declined: 1},
		2:  {Confirmed: 1, TimeToConfirmed: &stats.Percentiles{P50Ms: 120000, P95Ms: 120000, P99Ms: 120000}},
		19: {Created: 1},
		23: {Cancelled: 1},
		27: {Created: 1, Confirmed: 1, TimeToConfirmed: &stats.Percentiles{P50Ms: 1000, P95Ms: 1000, P99Ms: 1000}},
		29: {Created: 2, Confirmed: 2, TimeToConfirmed: &stats.Percentiles{P50Ms: 2000, P95Ms: 4000, P99Ms: 4000}},
	}
	if len(got.Throughput) != 30 {
		t.Fatalf("%d points", len(got.Throughput))
	}
	for i, point := range got.Throughput {
		want := wantPoints[i]
		want.At = span.From.Add(time.Duration(i) * 30 * time.Second)
		if !reflect.DeepEqual(point, want) {
			t.Errorf("point %d is %+v, want %+v", i, point, want)
		}
	}

	empty, err := store.Stats(t.Context(), staff, stats.SpanOf(stats.LastDay, now.AddDate(1, 0, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if len(empty.Revenue) != 0 || empty.TimeToConfirmed != (stats.Percentiles{}) || len(empty.Throughput) != 48 || len(empty.OrdersByStatus) != 5 {
		t.Errorf("where nothing happened: %+v", empty)
	}
	if _, err := store.Stats(t.Context(), ada, span); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("a customer gets %v", err)
	}
}

// The events before the window are not read, however many there are.
func TestStatsReadsItsIndex(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	fillHistory(t, db, 20_000, 100*24*time.Hour)
	statement, args := postgres.StatsQuery(stats.SpanOf(stats.LastHour, time.Now()))
	var lines []string
	if err := db.SelectContext(t.Context(), &lines, "EXPLAIN "+statement, args...); err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	for _, seq := range []string{"Seq Scan on order_events", "Seq Scan on orders"} {
		if strings.Contains(plan, seq) {
			t.Errorf("%s in\n%s", seq, plan)
		}
	}
}

// BenchmarkStats reads a day in which 250,000 orders brought a million events.
func BenchmarkStats(b *testing.B) {
	db := postgrestest.Open(b)
	fillHistory(b, db, 250_000, 24*time.Hour)
	store := postgrestest.Store(b, db.API, nil)
	for _, window := range []stats.Window{stats.Last15Minutes, stats.LastHour, stats.LastDay} {
		b.Run(string(window), func(b *testing.B) {
			for b.Loop() {
				if _, err := store.Stats(b.Context(), staff, stats.SpanOf(window, time.Now())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fillHistory makes orders, evenly over the time until now, each with the four events of a plain walk.
func fillHistory(t testing.TB, db *postgrestest.DB, orders int, over time.Duration) {
	t.Helper()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE FUNCTION uuid_at(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
		SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(r, 1, 3) || '8' || substr(r, 4, 15))::uuid
		FROM (SELECT replace(gen_random_uuid()::text, '-', '') AS r) random $$`)
	// In parts that stay below the statement timeout.
	const part = 10_000
	for done := 0; done < orders; done += part {
		exec(`WITH made AS (
				INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, captured_minor, lines, created_at, updated_at)
				SELECT uuid_at(at), n::text, gen_random_uuid(), 'DELIVERED', 4, 'EUR', 100, 100, '[{}]', at, at
				FROM (SELECT n, now() - make_interval(secs => $1::float8 * (1 - n::float8 / $2)) AS at FROM generate_series($3::int + 1, $3::int + $4::int) n) o
				RETURNING id, customer_id, created_at
			)
			INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, request_id, occurred_at, data, state, log_epoch)
			SELECT o.id, v, uuid_at(at), (ARRAY['ORDER_CREATED', 'PAYMENT_PROCESSING', 'PAYMENT_CONFIRMED', 'ORDER_DELIVERED'])[v], o.customer_id, 'SYSTEM', '', at,
				'{"paymentId": "0190a5d6-7c4e-7b5a-9d2e-3f1c2b4a5d6e", "amount": {"minor": 100, "currency": "EUR"}}', jsonb_build_object('state', repeat('x', 700)), 1
			FROM made o, generate_series(1, 4) v, LATERAL (SELECT o.created_at + v * interval '2 s' AS at) t`,
			over.Seconds(), orders, done, min(part, orders-done))
	}
	exec(`VACUUM ANALYZE orders`)
	exec(`VACUUM ANALYZE order_events`)
}
