package postgres_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// bytesOf returns PostgreSQL's value of an expression.
func bytesOf(t *testing.T, db *postgrestest.DB, expression string) (raw []byte) {
	t.Helper()
	if err := db.GetContext(t.Context(), &raw, `SELECT `+expression); err != nil {
		t.Fatal(err)
	}
	return raw
}

// PostgreSQL says each kind of field, and it is read as what it is. However the bytes are cut or changed, reading ends, by an error
// if anything is missing.
func TestRecord(t *testing.T) {
	t.Parallel()
	raw := bytesOf(t, postgrestest.Open(t), postgres.AllFieldsRecord)
	got, err := postgres.ReadAllFields(raw)
	if err != nil {
		t.Fatal(err)
	}
	some := "some"
	want := postgres.AllFields{
		UUID: uuid.MustParse("01890000-0000-7000-8000-000000000001"), ID: uuid.MustParse("01890000-0000-7000-8000-000000000002"),
		Text: "Zoë", Some: &some, Large: -9e9, Small: -7, Yes: true,
		At: "1999-12-31 23:59:59.999999 +0000 UTC", Later: "2026-11-29 00:00:00.000001 +0000 UTC", Never: true,
		JSON: map[string]int{"a": 1}, Rows: []string{"one", "2"}, NoRows: []string{}, AfterSkipping: "end",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for n := range raw {
		if _, err := postgres.ReadAllFields(raw[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are read as a whole record", n, len(raw))
		}
	}
	if _, err := postgres.ReadAllFields(append(slices.Clone(raw), 0)); err == nil {
		t.Error("a byte too many is not seen")
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		broken := slices.Clone(raw)
		for range 1 + random.IntN(4) {
			broken[random.IntN(len(broken))] = byte(random.Uint32())
		}
		_, _ = postgres.ReadAllFields(broken) // it must come back
	}
}

func TestRecordErrors(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	for _, c := range []struct {
		columns string
		fields  []string
		want    string
	}{
		{`1::bigint`, []string{"int8"}, ""},
		{`1::bigint`, []string{"text"}, "field of type INT8, not TEXT"},
		{`1::bigint`, []string{"int8", "int8"}, "record ends early"},
		{`1::bigint`, []string{"skip", "skip"}, "record ends early"},
		{`1::bigint, 2::bigint`, []string{"int8"}, "record has more fields than are read"},
		{`NULL::uuid`, []string{"uuid"}, "UUID is NULL"},
		{`NULL::text`, []string{"text"}, "TEXT is NULL"},
		{`NULL::timestamptz`, []string{"time"}, "TIMESTAMPTZ is NULL"},
		{`'1'::jsonb`, []string{"json"}, "unmarshal JSON number"},
		{`NULL::record[]`, []string{"records"}, "_RECORD is NULL"},
		{`ARRAY(SELECT ROW(1::bigint))`, []string{"records"}, "field of type INT8, not TEXT"},
		{`ARRAY(SELECT ROW('a'::text, 'b'::text))`, []string{"records"}, "record has more fields than are read"},
		// The first problem is reported.
		{`NULL::uuid, 1::bigint`, []string{"uuid", "text", "text"}, "UUID is NULL"},
	} {
		err := postgres.ReadFields(bytesOf(t, db, `record_send(ROW(`+c.columns+`))`), c.fields...)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s as %v: %v, want %q", c.columns, c.fields, err, c.want)
		}
	}
	if err := postgres.ReadFields("text"); err == nil || !strings.Contains(err.Error(), "not a record: string") {
		t.Error(err)
	}
}

// TestUnknownWords: an order with a word that this version does not know is not read, so nothing is decided from it.
func TestUnknownWords(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	o := create(t, store, ada)
	if _, err := db.ExecContext(t.Context(), `INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, created_at, updated_at)
		SELECT id, order_id, customer_id, id, 1, 'EUR', 'FAILED', now(), now() FROM payments`); err != nil {
		t.Fatal(err)
	}
	for table, columns := range map[string][]string{
		"orders": {"status", "cancel_reason"}, "payments": {"status", "capture_method", "goal", "attention"}, "refunds": {"status"},
	} {
		var constraints []string
		if err := db.SelectContext(t.Context(), &constraints, `SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c'`, table); err != nil {
			t.Fatal(err)
		}
		for _, constraint := range constraints {
			if _, err := db.ExecContext(t.Context(), `ALTER TABLE `+table+` DROP CONSTRAINT `+constraint); err != nil {
				t.Fatal(err)
			}
		}
		for _, column := range columns {
			read := func() error {
				_, err := store.OrdersByID(t.Context(), ada, []id.Order{o.ID})
				return err
			}
			if err := read(); err != nil {
				t.Fatal(err)
			}
			var was *string
			if err := db.GetContext(t.Context(), &was, `SELECT `+column+` FROM `+table); err != nil {
				t.Fatal(err)
			}
			set := func(value *string) {
				t.Helper()
				if _, err := db.ExecContext(t.Context(), `UPDATE `+table+` SET `+column+` = $1`, value); err != nil {
					t.Fatal(err)
				}
			}
			frozen := "FROZEN"
			set(&frozen)
			if err := read(); err == nil || !strings.Contains(err.Error(), `"FROZEN" is no `) {
				t.Errorf("%s.%s: %v", table, column, err)
			}
			set(was)
		}
	}
}

// Each column of an order has a value of its own and comes back where it belongs; payments and refunds in the order of their ids.
func TestOrderRecord(t *testing.T) {
	t.Parallel()
	at := func(second int) time.Time { return time.Date(2026, 11, 29, 1, 2, second, 3000, time.UTC) }
	text := func(s string) *string { return &s }
	when := func(second int) *time.Time { t := at(second); return &t }
	orderID, customerID, productID := id.New[id.Order](), id.New[id.Customer](), id.New[id.Product]()
	paymentIDs := []id.Payment{id.New[id.Payment](), id.New[id.Payment]()}
	refundIDs := []id.Refund{id.New[id.Refund](), id.New[id.Refund]()}
	eur := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "EUR"} }
	attention, reason := payment.ProviderDown, order.CancelledByStaff
	want := &order.Order{
		Head: &order.Head{
			ID: orderID, Number: "OW-00000001", CustomerID: customerID, Total: eur(900), Note: text("note"), ExternalReference: text("reference"),
			Lines:    []order.Line{{ProductID: productID, Name: "Mug", Quantity: 2, UnitPrice: eur(450), Total: eur(900)}},
			Metadata: []order.Metadata{{Key: "key", Value: "value"}}, CreatedAt: at(1),
		},
		State: order.State{
			Status: order.Cancelling, Version: 7, CancelReason: &reason, Captured: 900, Refunded: 201, RefundPending: 102,
			UpdatedAt: at(2),
			Payments: []payment.Payment{{
				ID: paymentIDs[0], OrderID: orderID, Status: payment.Voided, Amount: eur(900), Provider: "simulated", CaptureMethod: payment.CaptureManual,
				Method: "method", CreatedAt: at(5), UpdatedAt: at(6),
			}, {
				ID: paymentIDs[1], OrderID: orderID, Status: payment.RequiresAction, Amount: eur(900), Captured: 303, Refunded: 202, Provider: "stripe", Reference: "ref",
				CaptureMethod: payment.CaptureAutomatic, Method: "token", DeclineCode: text("code"),
				NextAction: &payment.NextAction{Type: payment.ActionRedirect, URL: "https://example.org"}, NextStepAt: when(7), Goal: payment.Expired,
				RecheckAt: when(8), ActionAsked: true, Attention: &attention, CreatedAt: at(9), UpdatedAt: at(10),
				Refunds: []payment.Refund{
					{ID: refundIDs[0], OrderID: orderID, PaymentID: paymentIDs[1], Amount: eur(201), Status: payment.RefundSucceeded, CreatedAt: at(11), UpdatedAt: at(12)},
					{ID: refundIDs[1], OrderID: orderID, PaymentID: paymentIDs[1], Amount: eur(102), Status: payment.RefundPending, Reason: text("reason"), Lines: []payment.RefundLine{{Position: 1, Quantity: 2}}, CreatedAt: at(13), UpdatedAt: at(14)},
				},
			}},
		},
	}
	lines, err := json.Marshal(want.Lines)
	if err != nil {
		t.Fatal(err)
	}
	db := postgrestest.Open(t)
	for _, row := range []struct {
		statement string
		args      []any
	}{
		{`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, captured_minor, refunded_minor, refund_pending_minor, cancel_reason,
			lines, note, external_reference, metadata, created_at, updated_at) VALUES ($1, 'OW-00000001', $2, 'CANCELLING', 7, 'EUR', 900, 900, 201, 102, 'STAFF',
			$3, 'note', 'reference', '[{"key": "key", "value": "value"}]', $4, $5)`, []any{orderID, customerID, string(lines), at(1), at(2)}},
		// The later first, as rows may lie.
		{
			`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, captured_minor, refunded_minor, provider, provider_reference, capture_method, method,
			decline_code, next_action, next_step_at, goal, recheck_at, action_asked, attention, created_at, updated_at) VALUES ($1, $2, $3, 'REQUIRES_ACTION', 900, 'EUR', 303, 202,
			'stripe', 'ref', 'AUTOMATIC', 'token', 'code', '{"type": "REDIRECT", "url": "https://example.org"}', $4, 'EXPIRED', $5, true, 'PROVIDER_DOWN', $6, $7)`,
			[]any{paymentIDs[1], orderID, customerID, at(7), at(8), at(9), at(10)},
		},
		{`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, created_at, updated_at)
			VALUES ($1, $2, $3, 'VOIDED', 900, 'EUR', 'simulated', 'MANUAL', 'method', $4, $5)`, []any{paymentIDs[0], orderID, customerID, at(5), at(6)}},
		{`INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, reason, lines, created_at, updated_at)
			VALUES ($1, $2, $3, $4, 102, 'EUR', 'PENDING', 'reason', '[{"position": 1, "quantity": 2}]', $5, $6)`, []any{refundIDs[1], orderID, customerID, paymentIDs[1], at(13), at(14)}},
		{`INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, created_at, updated_at)
			VALUES ($1, $2, $3, $4, 201, 'EUR', 'SUCCEEDED', $5, $6)`, []any{refundIDs[0], orderID, customerID, paymentIDs[1], at(11), at(12)}},
	} {
		if _, err := db.ExecContext(t.Context(), row.statement, row.args...); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		var got postgres.StoredOrder
		if err := db.GetContext(t.Context(), &got, `SELECT `+postgres.OrderRecord+` FROM orders o WHERE o.id = $1`, want.ID); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Order, want) {
			t.Errorf("got  %+v %+v\nwant %+v %+v", got.Order.Head, got.Order.State, want.Head, want.State)
		}
	}
	check()
	for _, timer := range []struct {
		status, column string
		at             **time.Time
	}{{"CREATED", "expires_at", &want.ExpiresAt}, {"CONFIRMED", "delivers_at", &want.DeliversAt}} {
		want.Status, want.CancelReason, want.ExpiresAt, want.DeliversAt = order.Status(timer.status), nil, nil, nil
		*timer.at = when(20)
		if _, err := db.ExecContext(t.Context(), `UPDATE orders SET status = $2, cancel_reason = NULL, expires_at = NULL, delivers_at = NULL WHERE id = $1`, want.ID, timer.status); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), `UPDATE orders SET `+timer.column+` = $2 WHERE id = $1`, want.ID, at(20)); err != nil {
			t.Fatal(err)
		}
		check()
	}
}
