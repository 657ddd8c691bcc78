package postgres_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// oldVersion is the schema that the statements below were written for. They stay as they are: servers of that version run beside every
// later migration. When a version is released, add its statements, with its number, and test both.
const oldVersion = 12

// Statements like those of the server of oldVersion: the same tables, written and locked in the same order, in one statement each.
const (
	oldPlace = `
		WITH fresh AS (
			INSERT INTO idempotency_keys (actor, operation, key, request_hash, order_id, entity_id)
			VALUES ($2, 'orderCreate', $1::uuid::text, sha256('x'), $1, $1) ON CONFLICT DO NOTHING RETURNING order_id AS id
		), placed AS (
			INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, created_at, updated_at, expires_at)
			SELECT id, $1::uuid::text, $2, 'CREATED', 1, 'EUR', 1800, '[{}]', now(), now(), now() + interval '1 hour' FROM fresh
		), paid AS (
			INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, next_step_at, created_at, updated_at)
			SELECT $3::uuid, id, $2, 'INITIALIZING', 1800, 'EUR', 'simulated', 'AUTOMATIC', '', now(), now(), now() FROM fresh
		), logged AS (
			INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, actor_id, request_id, occurred_at, data, state, log_epoch)
			SELECT id, 1, $4::uuid, 'ORDER_CREATED', $2, 'CUSTOMER', $2, '', now(), '{}', '{}', (SELECT epoch FROM event_log) FROM fresh
		), timed AS (
			INSERT INTO order_work (order_id, customer_id, due_at) SELECT id, $2, now() FROM fresh
		)
		SELECT id FROM fresh`
	oldChange = `
		WITH locked AS MATERIALIZED (
			SELECT o.id FROM orders o WHERE o.id = $1 FOR UPDATE OF o
		), saved AS (
			UPDATE orders o SET revision = o.revision + 1, version = o.version + 1, updated_at = now() FROM locked l WHERE o.id = l.id
			RETURNING o.id, o.customer_id, o.version
		), saved_payments AS (
			INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, created_at, updated_at)
			SELECT $3::uuid, id, customer_id, 'PROCESSING', 1800, 'EUR', 'simulated', 'AUTOMATIC', '', now(), now() FROM saved
			ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, updated_at = EXCLUDED.updated_at
		), saved_refunds AS (
			INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, created_at, updated_at)
			SELECT $5::uuid, id, customer_id, $3::uuid, 100, 'EUR', 'FAILED', now(), now() FROM saved
		), saved_attempts AS (
			INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, refund_id, operation, outcome, calls, message, started_at, finished_at)
			SELECT $6::uuid, id, customer_id, $3::uuid, $5::uuid, 'REFUND', 'FAIL', 1, '', now(), now() FROM saved
		), logged AS (
			INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, request_id, occurred_at, data, state, log_epoch)
			SELECT id, version, $4::uuid, 'PAYMENT_PROCESSING', customer_id, 'SYSTEM', '', now(), '{}', '{}', (SELECT epoch FROM event_log) FROM saved
		), audited AS (
			INSERT INTO audit_entries (id, at, actor_id, action) SELECT $4::uuid, now(), $2, 'order.change' FROM saved
		), timed AS (
			UPDATE order_work w SET due_at = now(), leased_until = NULL FROM saved WHERE w.order_id = saved.id
		)
		SELECT id FROM saved`
	oldClaim = `
		WITH due AS MATERIALIZED (
			SELECT order_id FROM order_work WHERE due_at <= now() AND (leased_until IS NULL OR leased_until < clock_timestamp())
			ORDER BY due_at LIMIT 8 FOR UPDATE SKIP LOCKED
		)
		UPDATE order_work w SET leased_until = clock_timestamp() + interval '5 seconds', token = nextval('order_work_token')
		FROM due WHERE w.order_id = due.order_id RETURNING w.order_id`
	oldAssign = `
		WITH lease AS (
			UPDATE event_log SET leased_until = clock_timestamp() RETURNING position
		), waiting AS (
			SELECT e.order_id, e.version, e.customer_id, row_number() OVER () AS n FROM order_events e
			WHERE NOT EXISTS (SELECT FROM feed f WHERE f.order_id = e.order_id AND f.version = e.version) LIMIT 8
		), placed AS (
			INSERT INTO feed (position, order_id, version, customer_id)
			SELECT (SELECT coalesce(max(position), 0) FROM feed) + n, order_id, version, customer_id FROM waiting, lease
			RETURNING order_id
		)
		SELECT order_id FROM placed`
	oldRead = `
		SELECT o.id, ARRAY(SELECT ROW(p.id, p.status, p.attention) FROM payments p WHERE p.order_id = o.id)::text AS payments,
			ARRAY(SELECT r.id FROM refunds r WHERE r.order_id = o.id)::text AS refunds, (SELECT count(*) FROM products WHERE archived_at IS NULL) AS products
		FROM orders o WHERE o.customer_id = $1 AND o.external_reference IS NULL ORDER BY o.id DESC LIMIT 20`
	oldNotice = `
		INSERT INTO webhook_inbox (provider, event_id, type, payment_id) VALUES ('simulated', $1::uuid::text, 'charge', $1) ON CONFLICT DO NOTHING`
)

// oldWriter is a server of oldVersion: it places orders and works on them until it is stopped. It gives up on the first error that such a
// server does not get over by itself.
type oldWriter struct {
	db      *sqlx.DB
	lasting []*sqlx.Stmt
	rounds  atomic.Int64
	retried map[pq.ErrorCode]int
}

func newOldWriter(ctx context.Context, t *testing.T, url string) *oldWriter {
	t.Helper()
	w := &oldWriter{db: postgrestest.Pool(t, url, postgres.RoleWorker), retried: map[pq.ErrorCode]int{}}
	for _, text := range []string{oldPlace, oldChange, oldChange, oldClaim, oldAssign, oldRead, oldNotice} {
		statement, err := w.db.PreparexContext(ctx, text) // before the migration, and so planned on the old schema
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = statement.Close() })
		w.lasting = append(w.lasting, statement)
	}
	return w
}

func (w *oldWriter) round(ctx context.Context) error {
	orderID, customerID, paymentID := id.New[uuid.UUID](), ada.CustomerID, id.New[uuid.UUID]()
	change := func() []any {
		return []any{orderID, customerID, paymentID, id.New[uuid.UUID](), id.New[uuid.UUID](), id.New[uuid.UUID]()}
	}
	for i, args := range [][]any{{orderID, customerID, paymentID, id.New[uuid.UUID]()}, change(), change(), {}, {}, {customerID}, {orderID}} {
		for {
			_, err := w.lasting[i].ExecContext(ctx, args...)
			var refused *pq.Error
			switch {
			case err == nil:
			case errors.As(err, &refused) && (refused.Code == "40001" || refused.Code == "55P03" || refused.Code == "40P01" || refused.Constraint == "feed_1_pkey"):
				w.retried[refused.Code]++
				continue
			default:
				return err
			}
			break
		}
	}
	w.rounds.Add(1)
	return nil
}

// TestMigrateUnderWriters runs every migration after oldVersion while servers of oldVersion write, and somebody's report reads for a while
// again and again. All get through: the migrations, in bounded tries, and the writers, without a deadlock and with nothing but what a server
// gets over by itself. After it the old servers still work.
func TestMigrateUnderWriters(t *testing.T) {
	t.Parallel()
	url := migratedTo(t, oldVersion)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	writers := make([]*oldWriter, 3)
	var working sync.WaitGroup
	for i := range writers {
		w := newOldWriter(t.Context(), t, url)
		writers[i] = w
		working.Go(func() {
			for ctx.Err() == nil {
				if err := w.round(context.WithoutCancel(ctx)); err != nil {
					t.Errorf("a server of version %d: %v", oldVersion, err)
					return
				}
			}
		})
	}
	report := postgrestest.Pool(t, url, postgres.RoleWorker)
	working.Go(func() {
		tables := []string{"orders", "payments", "refunds", "payment_attempts", "order_work", "feed"}
		for ctx.Err() == nil {
			slices.Reverse(tables) // as writers lock them, and the other way around
			if err := readForAWhile(context.WithoutCancel(ctx), report, tables); err != nil {
				t.Errorf("the report: %v", err)
				return
			}
		}
	})
	everyone := func() {
		t.Helper()
		for _, w := range writers {
			for from := w.rounds.Load(); w.rounds.Load() < from+3 && !t.Failed(); {
				time.Sleep(time.Millisecond) // until it has gone round three times more
			}
		}
	}
	everyone()
	tries := &tries{}
	if err := postgres.MigrateUp(t.Context(), postgrestest.PoolWith(t, url, postgres.RoleMigrate, postgres.MigrateLimits).DB, eventually.Patience, tries.log()); err != nil {
		t.Error(err)
	}
	everyone()
	stop()
	working.Wait()
	for i, w := range writers {
		t.Logf("writer %d: %d rounds, retried %v", i, w.rounds.Load(), w.retried)
		if w.retried["40P01"] > 0 {
			t.Errorf("writer %d had %d deadlocks", i, w.retried["40P01"])
		}
	}
	t.Logf("%d tries more than migrations:\n%s", tries.n.Load(), tries.text.String())
}

// readForAWhile is a transaction that keeps every table for a moment longer than a migration waits.
func readForAWhile(ctx context.Context, db *sqlx.DB, tables []string) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it has changed nothing
	for _, table := range tables {
		if _, err = tx.ExecContext(ctx, `SELECT count(*), pg_sleep(0.1) FROM `+table); err != nil {
			return err
		}
	}
	if err := tx.Rollback(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `SELECT pg_sleep(0.6)`) // and lets go as long again
	return err
}
