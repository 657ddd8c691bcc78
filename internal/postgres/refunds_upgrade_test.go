package postgres_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// beforeBooks is the last schema without origins of refunds and without disputes.
const beforeBooks = 24

// oldOrder places a paid order as a server of schema beforeBooks has left it, and gives it refunds.
type oldOrder struct {
	id      id.Order
	payment id.Payment
}

func placeOld(t *testing.T, db *sqlx.DB, status string, refunded, pending int) oldOrder {
	t.Helper()
	o := oldOrder{id: id.New[id.Order](), payment: id.New[id.Payment]()}
	state := fmt.Sprintf(`{"status": %q, "version": 2, "captured": 1800, "refunded": %d, "refundPending": %d, "updatedAt": "2026-11-01T12:00:00Z",
		"refunds": [{"id": "019b0000-0000-7000-8000-000000000001", "orderId": %q, "paymentId": %q, "amount": {"minor": 100, "currency": "EUR"},
			"status": "FAILED", "reason": "not_now", "createdAt": "2026-11-01T12:00:00Z", "updatedAt": "2026-11-01T12:00:00Z"}],
		"payments": [{"id": %[5]q, "orderId": %[4]q, "status": "CONFIRMED", "amount": {"minor": 1800, "currency": "EUR"}, "captured": 1800, "refunded": %[2]d,
			"provider": "simulated", "captureMethod": "AUTOMATIC", "reference": "ch_1", "createdAt": "2026-11-01T12:00:00Z", "updatedAt": "2026-11-01T12:00:00Z"}]}`,
		status, refunded, pending, o.id.String(), o.payment.String())
	const sql = `
		WITH placed AS (
			INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, captured_minor, refunded_minor, refund_pending_minor,
				lines, cancel_reason, created_at, updated_at, delivers_at)
			VALUES ($1::uuid, 'OW-' || $1::uuid::text, $3, $4, 2, 'EUR', 1800, 1800, $5, $6,
				jsonb_build_array(jsonb_build_object('productId', $2::uuid, 'name', 'Mug', 'quantity', 1,
					'unitPrice', '{"minor": 1800, "currency": "EUR"}'::jsonb, 'total', '{"minor": 1800, "currency": "EUR"}'::jsonb)),
				CASE WHEN $4 = 'CANCELLING' THEN 'CUSTOMER' END, now(), now(), CASE WHEN $4 = 'CONFIRMED' THEN now() END)
			RETURNING id, customer_id
		), paid AS (
			INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, captured_minor, refunded_minor, provider, capture_method, method,
				provider_reference, created_at, updated_at)
			SELECT $2::uuid, id, customer_id, 'CONFIRMED', 1800, 'EUR', 1800, $5, 'simulated', 'AUTOMATIC', '', 'ch_1', now(), now() FROM placed
		), attempted AS (
			INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, operation, outcome, calls, message, started_at, finished_at)
			SELECT $7::uuid, id, customer_id, $2::uuid, 'AUTHORIZE', 'SUCCESS', 1, '', now(), now() FROM placed
		), timed AS (
			INSERT INTO order_work (order_id, customer_id, due_at) SELECT id, customer_id, now() FROM placed
		)
		INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, request_id, occurred_at, data, state, log_epoch)
		SELECT id, 2, $8::uuid, 'REFUND_FAILED', customer_id, 'PROVIDER', '', now(),
			'{"refundId": "019b0000-0000-7000-8000-000000000001", "reason": "not_now"}', $9::jsonb, (SELECT epoch FROM event_log) FROM placed`
	if _, err := db.ExecContext(t.Context(), sql, o.id, o.payment, ada.CustomerID, status, refunded, pending,
		id.New[id.Attempt](), id.New[id.Event](), state); err != nil {
		t.Fatal(err)
	}
	return o
}

// refund adds a refund. open: with an attempt that is due.
func (o oldOrder) refund(t *testing.T, db *sqlx.DB, minor int, status payment.RefundStatus, open bool) {
	t.Helper()
	const sql = `
		WITH made AS (
			INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, created_at, updated_at)
			VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5, 'EUR', $6, now(), now()) RETURNING id
		)
		INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, refund_id, operation, outcome, calls, message, started_at, finished_at, next_call_at)
		SELECT $7::uuid, $2::uuid, $3::uuid, $4::uuid, id, 'REFUND', CASE WHEN NOT $8::boolean THEN 'FAIL' END, 1, '', now(), CASE WHEN NOT $8::boolean THEN now() END, CASE WHEN $8::boolean THEN now() END FROM made`
	if _, err := db.ExecContext(t.Context(), sql, id.New[id.Refund](), o.id, ada.CustomerID, o.payment, minor, string(status), id.New[id.Attempt](), open); err != nil {
		t.Fatal(err)
	}
}

// Orders with refunds of an earlier version go on: their rows have no origin, one that is CANCELLING has a row for each try, and one whose
// money went back has its delivery timer running.
func TestUpgradeOfRefunds(t *testing.T) {
	t.Parallel()
	url := migratedTo(t, beforeBooks)
	db := postgrestest.Connect(t, url)
	cancelling := placeOld(t, db.DB, "CANCELLING", 0, 1800)
	for range 60 {
		cancelling.refund(t, db.DB, 1800, payment.RefundFailed, false)
	}
	cancelling.refund(t, db.DB, 1800, payment.RefundPending, true)
	ofStaff := placeOld(t, db.DB, "DELIVERED", 0, 300)
	ofStaff.refund(t, db.DB, 300, payment.RefundPending, true)
	returned := placeOld(t, db.DB, "CONFIRMED", 1800, 0)
	returned.refund(t, db.DB, 1800, payment.RefundSucceeded, false)
	if err := postgres.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	store := postgrestest.Store(t, db.Worker, nil)

	answer := func(o oldOrder, want payment.Operation, result payment.Result, callErr error) *order.Order {
		t.Helper()
		var work *payment.Work
		change(t, store, o.id, func(o *order.Order, c order.Cause) (err error) {
			work, err = o.Advance(c, quick)
			return err
		})
		if work == nil || work.Call.Operation != want {
			t.Fatalf("due is %+v, want %s", work, want)
		}
		return change(t, store, o.id, func(o *order.Order, c order.Cause) error { return o.Settle(c, quick, work, result, callErr) })
	}
	t.Run("OKCancelling", func(t *testing.T) {
		answer(cancelling, payment.OperationRefund, payment.Result{}, &payment.DefiniteError{Message: "already refunded", Why: payment.AlreadyRefunded})
		after := answer(cancelling, payment.OperationAuthorize, payment.Result{Outcome: payment.Captured, Reference: "ch_1", Charge: &payment.SeenCharge{
			Totals:  payment.Totals{Captured: 1800, Refunded: 1800},
			Refunds: []payment.SeenRefund{{Reference: "re_1", Minor: 1800, Status: payment.RefundSucceeded}},
		}}, nil)
		if after.Status != order.Cancelled || after.Refunded != 1800 || after.RefundPending != 0 || after.Payments[0].Attention != nil {
			t.Errorf("%+v", after.State)
		}
		refunds := after.Refunds()
		if origin := after.RefundOrigin(&refunds[0]); origin != payment.RefundOfCancel {
			t.Errorf("a refund of the cancel has the origin %q", origin)
		}
	})
	t.Run("OKOfStaff", func(t *testing.T) {
		after := answer(ofStaff, payment.OperationRefund, payment.Result{Outcome: payment.Refused, Code: "not_now"}, nil)
		if r := after.Refunds()[0]; r.Status != payment.RefundFailed || after.RefundOrigin(&r) != payment.RefundOfStaff || after.Refundable() != 1800 || after.DueAt() != nil {
			t.Errorf("%+v, due %v", r, after.DueAt())
		}
	})
	t.Run("OKReturned", func(t *testing.T) {
		after := change(t, store, returned.id, func(o *order.Order, c order.Cause) error {
			work, err := o.Advance(c, quick)
			if work != nil {
				t.Errorf("due is %+v", work)
			}
			return err
		})
		if after.Status != order.Confirmed || after.DeliversAt != nil || after.DeliveryHold() != order.HeldByRefund {
			t.Errorf("%s, held by %q", after.Status, after.DeliveryHold())
		}
	})
	t.Run("OKEvents", func(t *testing.T) {
		var states []json.RawMessage
		if err := db.SelectContext(t.Context(), &states, `SELECT state FROM order_events ORDER BY id`); err != nil {
			t.Fatal(err)
		}
		for _, raw := range states {
			var state order.State
			if err := json.Unmarshal(raw, &state); err != nil {
				t.Fatalf("%v: %s", err, raw)
			}
			if err := (&order.Event{Type: order.RefundFailed, Actor: order.Actor{Kind: order.ActorProvider}, Order: &order.Order{Head: &order.Head{}, State: state}}).Known(); err != nil {
				t.Error(err)
			}
		}
		read, err := store.OrdersByID(t.Context(), auth.System, []id.Order{cancelling.id, ofStaff.id, returned.id})
		if err != nil || len(read) != 3 {
			t.Errorf("%d orders, %v", len(read), err)
		}
	})
}
