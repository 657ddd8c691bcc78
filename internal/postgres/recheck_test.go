package postgres_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

func bulk(at time.Time, limit int) order.BulkRecheck {
	return order.BulkRecheck{Limit: limit, At: at, Pace: 20 * time.Millisecond, Audit: func(paymentID id.Payment) *audit.Entry {
		return audit.New(at, staff, "payment.resolve", paymentID, "RECHECK, with others")
	}}
}

// The statement does what the order's own rule does for one payment, to the microsecond.
func TestRecheckAttentionIsResolve(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	at := order.SystemClock().Add(time.Minute)
	sooner, later := at.Add(-time.Second), at.Add(time.Hour)
	why := payment.UnknownOutcome
	cases := []struct {
		name  string
		seen  payment.Outcome // of the authorization; "" for none
		apply func(*order.Order)
	}{
		{"only looked up", "", func(o *order.Order) {
			a := &o.Payments[0].Attempts[0]
			a.LookUpOnly, a.NextCallAt, a.Calls, o.ExpiresAt = true, &later, 3, nil
		}},
		{"about to be called", "", func(o *order.Order) {
			o.Payments[0].Attempts[0].NextCallAt, o.Payments[0].Attempts[0].Calls = &sooner, 3
		}},
		{"nothing due", payment.Captured, func(o *order.Order) { o.DeliversAt = nil }},
		{"delivered later", payment.Captured, func(o *order.Order) { o.DeliversAt = &later }},
		{"delivered sooner", payment.Captured, func(o *order.Order) { o.DeliversAt = &sooner }},
		{"looked up later", payment.Captured, func(o *order.Order) { o.Payments[0].RecheckAt, o.DeliversAt = &later, &later }},
		{"authorized", payment.Held, func(o *order.Order) { o.Payments[0].NextStepAt = &later }},
	}
	var want []*order.Order
	for i, c := range cases {
		o := create(t, store, ada)
		if c.seen != "" {
			step(t, store, o.ID, payment.Result{Outcome: c.seen})
		} else {
			change(t, store, o.ID, func(o *order.Order, c order.Cause) error {
				o.Payments[0].NextStepAt = &c.Now
				_, err := o.Advance(c, quick)
				return err
			})
		}
		o = change(t, store, o.ID, func(o *order.Order, _ order.Cause) error {
			c.apply(o)
			o.Payments[0].Attention = &why
			return nil
		}).Clone()
		if err := o.Resolve(order.Cause{Now: at.Add(time.Duration(i) * 20 * time.Millisecond)}, quick, o.Payments[0].ID, payment.Recheck); err != nil {
			t.Fatal(err)
		}
		want = append(want, o)
	}
	done, err := store.RecheckAttention(t.Context(), staff, bulk(at, 100))
	if err != nil || done.Count != len(cases) || done.Next.Valid {
		t.Fatalf("%+v, %v", done, err)
	}
	for i, o := range want {
		got := change(t, store, o.ID, func(*order.Order, order.Cause) error { return nil })
		if !reflect.DeepEqual(got.Payments, o.Payments) {
			t.Errorf("%s:\n got %+v\nwant %+v", cases[i].name, got.Payments, o.Payments)
		}
		if stored := dueOf(t, db, o.ID); stored != told(o.Due()) {
			t.Errorf("%s: due is %s, want %s", cases[i].name, stored, told(o.Due()))
		}
	}
	if n := count(t, db, "audit_entries WHERE action = 'payment.resolve' AND detail = 'RECHECK, with others'"); n != len(cases) {
		t.Errorf("%d entries in the audit trail", n)
	}
}

func told(d order.Due) string { return fmt.Sprint(timeOf(d.At), " ", d.Lane, " ", timeOf(d.OwnAt)) }

func timeOf(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// dueOf tells when the pipeline next works on the order, as it is stored.
func dueOf(t *testing.T, db *postgrestest.DB, orderID id.Order) string {
	t.Helper()
	var row struct {
		At    *time.Time `db:"due_at"`
		Lane  string     `db:"lane"`
		OwnAt *time.Time `db:"own_due_at"`
	}
	if err := db.GetContext(t.Context(), &row, `SELECT due_at, lane, own_due_at FROM order_work WHERE order_id = $1`, orderID); err != nil {
		t.Fatal(err)
	}
	return told(order.Due{At: row.At, Lane: row.Lane, OwnAt: row.OwnAt})
}

// A payment whose provider was never called, one that needs nobody, and one of another kind are left alone.
func TestRecheckAttentionPassesOver(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	down, mismatch := payment.ProviderDown, payment.Mismatch
	uncalled, fine, other := create(t, store, ada), create(t, store, ada), create(t, store, ada)
	for o, why := range map[*order.Order]*payment.Attention{uncalled: &down, fine: nil, other: &mismatch} {
		if o != uncalled {
			step(t, store, o.ID, payment.Result{Outcome: payment.Captured})
		}
		change(t, store, o.ID, func(o *order.Order, c order.Cause) error {
			o.Payments[0].Attention, o.Payments[0].NextStepAt = why, &c.Now
			_, err := o.Advance(c, order.Policy{StepDelay: time.Hour}) // makes the attempt, and does not call it
			return err
		})
	}
	r := bulk(order.SystemClock(), 100)
	r.Attention = &down
	for _, p := range []auth.Principal{ada, {}} {
		if _, err := store.RecheckAttention(t.Context(), p, r); fault.CodeOf(err) != fault.Forbidden && fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s may: %v", p.Role, err)
		}
	}
	if done, err := store.RecheckAttention(t.Context(), staff, r); err != nil || done.Count != 0 || done.Next.Valid {
		t.Errorf("%+v, %v", done, err)
	}
	if n := count(t, db, "payments WHERE recheck_at IS NOT NULL"); n != 0 {
		t.Errorf("%d are looked up", n)
	}
	r.Attention = &mismatch
	if done, err := store.RecheckAttention(t.Context(), staff, r); err != nil || done.Count != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	if n := count(t, db, "payments WHERE recheck_at IS NOT NULL AND attention = 'MISMATCH'"); n != 1 {
		t.Errorf("%d are looked up", n)
	}
}

// However many payments wait, a call goes through no more than its limit, and the calls together go through all of them, once. Calling again
// adds no look and moves none.
func TestRecheckAttentionOfMany(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	const many = 1300
	for _, statement := range []string{
		`INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, created_at, updated_at)
			SELECT gen_random_uuid(), n::text, gen_random_uuid(), 'CREATED', 1, 'EUR', 100, '[{}]', now(), now() FROM generate_series(1, ` + fmt.Sprint(many) + `) n`,
		`INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, attention, created_at, updated_at)
			SELECT gen_random_uuid(), id, customer_id, 'DECLINED', 100, 'EUR', 'simulated', 'AUTOMATIC', '', CASE WHEN number::int % 2 = 0 THEN 'MISMATCH' ELSE 'UNKNOWN_OUTCOME' END, now(), now() FROM orders`,
		`INSERT INTO payment_attempts (id, order_id, payment_id, customer_id, operation, outcome, calls, message, started_at, finished_at)
			SELECT gen_random_uuid(), order_id, id, customer_id, 'AUTHORIZE', 'FAIL', 1, '', now(), now() FROM payments`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	at := order.SystemClock()
	all := func(r order.BulkRecheck) (counts []int, sum int) {
		for {
			done, err := store.RecheckAttention(t.Context(), staff, r)
			if err != nil {
				t.Fatal(err)
			}
			counts, sum = append(counts, done.Count), sum+done.Count
			if r.After = done.Next; !done.Next.Valid {
				return counts, sum
			}
		}
	}
	looks := func() (times []string) {
		if err := db.SelectContext(t.Context(), &times, `SELECT p.recheck_at::text || w.due_at::text || w.lane FROM payments p JOIN order_work w USING (order_id) ORDER BY p.id`); err != nil {
			t.Fatal(err)
		}
		return times
	}
	if counts, sum := all(bulk(at, 500)); sum != many || !slices.Equal(counts, []int{500, 500, 300}) {
		t.Errorf("%d in %v", sum, counts)
	}
	before := looks()
	if len(before) != many {
		t.Errorf("%d are due", len(before))
	}
	if _, sum := all(bulk(at.Add(time.Minute), 500)); sum != many || !slices.Equal(looks(), before) {
		t.Errorf("again: %d, and the times are others: %v", sum, !slices.Equal(looks(), before))
	}
	mismatch := bulk(at, 500)
	mismatch.Attention = new(payment.Mismatch)
	if counts, sum := all(mismatch); sum != many/2 || len(counts) != 3 {
		t.Errorf("of one kind: %d in %v", sum, counts)
	}
	var pace float64
	if err := db.GetContext(t.Context(), &pace, `SELECT count(*) / extract(epoch FROM max(recheck_at) - min(recheck_at)) FROM (SELECT recheck_at FROM payments ORDER BY id LIMIT 500) p`); err != nil || pace > 51 {
		t.Errorf("%.0f looks a second, %v", pace, err)
	}
}

// A change that has read the order before does not undo the recheck.
func TestRecheckAttentionMeanwhile(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store, another := postgrestest.Store(t, db.API, nil), postgrestest.Store(t, db.API, nil)
	o := create(t, store, ada)
	step(t, store, o.ID, payment.Result{Outcome: payment.Captured})
	why := payment.Mismatch
	change(t, store, o.ID, func(o *order.Order, _ order.Cause) error {
		o.Payments[0].Attention, o.DeliversAt = &why, nil
		return nil
	})
	at, times := order.SystemClock(), 0
	delivers := at.Add(time.Hour)
	_, err := store.ChangeOrder(t.Context(), auth.System, o.ID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
		if times++; times == 1 {
			if done, err := another.RecheckAttention(t.Context(), staff, bulk(at, 10)); err != nil || done.Count != 1 {
				t.Errorf("%+v, %v", done, err)
			}
		}
		o.DeliversAt = &delivers
		return uuid.Nil, nil
	}})
	if err != nil || times != 2 {
		t.Errorf("applied %d times, %v", times, err)
	}
	if got, want := dueOf(t, db, o.ID), told(order.Due{At: &at, Lane: "simulated", OwnAt: &delivers}); got != want {
		t.Errorf("due is %s, want %s", got, want)
	}
}
