package graph_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/schema"
)

// maxima is the size of a database that has everything at its maximum: see fill.
type maxima struct {
	// orders that one customer has, and how many of them, the newest, have all that an order can have. The others have a hundred
	// lines with plain names and one payment.
	orders, full int
	// attempted are the newest of the full ones whose payments have 50 attempts each, and which have 250 events.
	attempted int
	products  int
	audited   int
}

// fill writes the rows of m for a customer straight into a database that has no orders yet. It works without triggers and foreign
// keys, which take most of the time and do not matter for reads.
func (m maxima) fill(t testing.TB, address string, customer id.Customer) {
	t.Helper()
	db, err := sqlx.Open("postgres", address) // without the time limits of the server's pools
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	var eventTypes []string
	for _, value := range schema.Parse().Types["OrderEventType"].EnumValues {
		eventTypes = append(eventTypes, value.Name)
	}
	values := strings.NewReplacer("$eventTypes", strings.Join(eventTypes, ","), "$customer", customer.String(), "$orders", strconv.Itoa(m.orders), "$full", strconv.Itoa(m.full),
		"$attempted", strconv.Itoa(m.attempted), "$products", strconv.Itoa(m.products), "$audited", strconv.Itoa(m.audited))
	for _, statement := range fillStatements {
		if _, err := tx.ExecContext(t.Context(), values.Replace(statement)); err != nil {
			t.Fatalf("%v:\n%s", err, statement)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"products", "orders", "payments", "refunds", "payment_attempts", "order_events", "audit_entries", "webhook_deliveries", "reconciliation_differences", "orphaned_charges"} {
		if _, err := db.ExecContext(t.Context(), `VACUUM ANALYZE `+table); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(t.Context(), withoutAutovacuum); err != nil {
		t.Fatal(err)
	}
}

// withoutAutovacuum keeps background work out of the measurements.
const withoutAutovacuum = `DO $$ DECLARE t regclass; BEGIN
	FOR t IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'orders'::regclass) LOOP
		EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', t);
	END LOOP;
END $$`

// fillStatements use pg_temp.wide(n, k), a text of n characters of four bytes each that does not compress well, a different one for each
// k, and pg_temp.key(at, k), a UUIDv7 of that time.
var fillStatements = []string{
	`SET LOCAL session_replication_role = replica`,
	`SET LOCAL statement_timeout = 0`,
	`CREATE FUNCTION pg_temp.wide(n integer, k bigint) RETURNS text LANGUAGE sql VOLATILE AS
		'SELECT string_agg(chr(66560 + ((i * 7919 + k * 104729 + (i * k) % 997) % 79)::integer), '''') FROM generate_series(1, n) i'`,
	`CREATE FUNCTION pg_temp.key(at timestamptz, k text) RETURNS uuid LANGUAGE sql AS
		'SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, ''0'') || ''7'' || substr(md5(k), 1, 3) || ''8'' || substr(md5(k), 4, 15))::uuid'`,
	`INSERT INTO products (id, sku, name, description, price_minor, currency, image)
		SELECT pg_temp.key(now() - interval '30 days', 'product' || i), 'full-' || i, pg_temp.wide(200, i), pg_temp.wide(2000, i), 1000000000, 'EUR',
			'https://shop.example/' || repeat('i', 479) FROM generate_series(1, $products) i`,
	`CREATE TEMP TABLE line_sets ON COMMIT DROP AS
		SELECT v, is_full, jsonb_agg(jsonb_build_object('productId', p.id, 'name', CASE WHEN is_full THEN p.name ELSE 'Product number ' || p.n END, 'quantity', 999,
			'unitPrice', jsonb_build_object('minor', 10000000000, 'currency', 'EUR'), 'total', jsonb_build_object('minor', 9990000000000, 'currency', 'EUR'))) AS lines
		FROM generate_series(0, 9) v, (VALUES (true), (false)) f (is_full),
			LATERAL (SELECT q.*, row_number() OVER (ORDER BY q.id) AS n FROM products q WHERE q.sku LIKE 'full-%') p
		WHERE p.n > v * $products / 10 AND p.n <= v * $products / 10 + 100 GROUP BY v, is_full`,
	`CREATE TEMP TABLE placed ON COMMIT DROP AS
		SELECT n, n > $orders - $full AS is_full, n > $orders - $attempted AS is_attempted, at, pg_temp.key(at, 'order' || n) AS id
		FROM generate_series(1, $orders) n, LATERAL (SELECT now() - ($orders - n) * interval '800 ms' AS at) t`,
	`CREATE TEMP TABLE wide_sets ON COMMIT DROP AS
		SELECT v, pg_temp.wide(500, v) AS note, pg_temp.wide(100, v) AS reference,
			(SELECT jsonb_agg(jsonb_build_object('key', pg_temp.wide(38, v) || lpad(i::text, 2, '0'), 'value', pg_temp.wide(500, v * 100 + i))) FROM generate_series(1, 20) i) AS metadata
		FROM generate_series(0, 9) v`,
	`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, captured_minor, refunded_minor, external_reference, note, lines, metadata,
			created_at, updated_at)
		SELECT o.id, 'OW-' || lpad(o.n::text, 8, '0'), '$customer'::uuid, 'CONFIRMED', CASE WHEN is_attempted THEN 250 ELSE 3 END, 'EUR', 1000000000000, 1000000000000, 0,
			CASE WHEN o.is_full THEN w.reference ELSE 'reference ' || o.n END, CASE WHEN o.is_full THEN w.note END, l.lines,
			CASE WHEN o.is_full THEN w.metadata ELSE '[]' END, o.at, o.at
		FROM placed o JOIN line_sets l ON l.v = o.n % 10 AND l.is_full = o.is_full JOIN wide_sets w ON w.v = o.n % 10`,
	`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, captured_minor, provider, provider_reference, capture_method, method, decline_code,
			attention, created_at, updated_at)
		SELECT pg_temp.key(o.at, i || 'payment' || o.n), o.id, '$customer'::uuid, CASE WHEN i < k THEN 'DECLINED' ELSE 'CONFIRMED' END, 1000000000000, 'EUR',
			CASE WHEN i < k THEN 0 ELSE 1000000000000 END, 'simulated', repeat('r', 247) || i || o.n, 'AUTOMATIC', repeat('m', 255), CASE WHEN i < k THEN repeat('d', 100) END,
			CASE WHEN o.is_full AND i = 1 THEN 'UNKNOWN_OUTCOME' END, o.at, o.at
		FROM placed o, LATERAL (SELECT CASE WHEN o.is_full THEN 20 ELSE 1 END AS k) c, generate_series(1, k) i`,
	`INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, reason, created_at, updated_at, lines)
		SELECT pg_temp.key(o.at, i || 'refund' || o.n), o.id, '$customer'::uuid, pg_temp.key(o.at, '20payment' || o.n), 1, 'EUR', 'FAILED', w.note, o.at, o.at,
			(SELECT jsonb_agg(jsonb_build_object('position', p, 'quantity', 999)) FROM generate_series(1, 100) p WHERE p % 25 = i % 25)
		FROM placed o JOIN wide_sets w ON w.v = o.n % 10, generate_series(1, 50) i WHERE o.is_full`,
	`INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, refund_id, operation, outcome, calls, message, started_at, finished_at)
		SELECT pg_temp.key(o.at, a || ' attempt ' || i || ' ' || o.n), o.id, '$customer'::uuid, pg_temp.key(o.at, i || 'payment' || o.n), NULL, 'AUTHORIZE', 'FAIL', 1000,
			w.note, o.at, o.at
		FROM placed o JOIN wide_sets w ON w.v = o.n % 10, generate_series(1, 20) i, generate_series(1, 50) a WHERE o.is_attempted`,
	`INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, actor_id, request_id, occurred_at, data, state, log_epoch)
		SELECT o.id, e, pg_temp.key(o.at + e * interval '3 ms', 'event' || o.n || ' ' || e),
			CASE e WHEN 1 THEN 'ORDER_CREATED' WHEN 2 THEN 'PAYMENT_PROCESSING' WHEN 3 THEN 'PAYMENT_CONFIRMED' ELSE 'REFUND_FAILED' END, '$customer'::uuid, 'CUSTOMER', '$customer'::uuid,
			repeat('q', 64), o.at,
			jsonb_build_object('paymentId', pg_temp.key(o.at, '1payment' || o.n), 'refundId', pg_temp.key(o.at, '1refund' || o.n), 'amount', jsonb_build_object('minor', 1000000000000, 'currency', 'EUR'),
				'reason', CASE WHEN e > 3 THEN w.note END),
			jsonb_build_object('status', 'CONFIRMED', 'version', e, 'captured', 1000000000000, 'refunded', 0, 'refundPending', 0, 'updatedAt', to_jsonb(o.at), 'payments', '[]'::jsonb, 'refunds', '[]'::jsonb), 1
		FROM placed o JOIN wide_sets w ON w.v = o.n % 10, LATERAL (SELECT CASE WHEN is_attempted THEN 250 ELSE 3 END AS k) c, generate_series(1, k) e`,
	`INSERT INTO audit_entries (id, at, actor_id, action, subject, detail)
		SELECT pg_temp.key(now(), 'audit' || i), now(), '$customer'::uuid, repeat('a', 40), 'order_00000000000000000000000000', pg_temp.wide(2000, i % 50) FROM generate_series(1, $audited) i`,
	`INSERT INTO reconciliation_differences (id, order_id, payment_id, currency, captured_minor, refunded_minor, their_captured_minor, their_refunded_minor, raised_at)
		SELECT pg_temp.key(o.at, 'difference' || o.n), o.id, pg_temp.key(o.at, '1payment' || o.n), 'EUR', 1000000000000, 0, 1000000000000, 1, now()
		FROM placed o WHERE o.is_full`,
	// Of ten charges nine are settled, and those that are not are the oldest.
	`INSERT INTO orphaned_charges (id, provider, reference, order_id, payment_id, currency, amount_minor, captured_minor, refunded_minor, status, charged_at, detected_at, resolved_at)
		SELECT pg_temp.key(o.at, 'charge' || o.n), 'simulated', repeat('r', 247) || lpad(o.n::text, 8, '0'), o.id, pg_temp.key(o.at, '1payment' || o.n), 'EUR', 1000000000000, 1000000000000, 0,
			'CAPTURED', o.at, o.at, CASE WHEN o.n > $orders / 10 THEN o.at END FROM placed o`,
	`INSERT INTO webhook_endpoints (id, url, event_types, description, enabled, disabled_reason, from_position, created_at)
		SELECT pg_temp.key(now(), 'endpoint' || i), 'https://shop.example/' || repeat('u', 1979),
			string_to_array('$eventTypes', ','),
			pg_temp.wide(500, i), false, repeat('x', 200), 0, now() FROM generate_series(1, 50) i`,
	`INSERT INTO webhook_deliveries (id, endpoint_id, event_id, event_type, body, status, attempts, created_at)
		SELECT pg_temp.key(now(), 'delivery' || i), pg_temp.key(now(), 'endpoint' || (i % 50 + 1)), pg_temp.key(now(), 'delivered' || i), 'ORDER_CREATED',
			convert_to(repeat('b', 2000), 'UTF8'), CASE i % 3 WHEN 0 THEN 'FAILED' ELSE 'DELIVERED' END, 9, now() FROM generate_series(1, $audited) i`,
}
