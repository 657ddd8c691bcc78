package postgres_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

var quick = order.Policy{Expiry: policy.Expiry, AuthorizationExpiry: policy.Expiry, DeliveryDelay: policy.Expiry}

func byStaff() order.Cause {
	return order.Cause{Now: order.SystemClock(), Actor: order.Actor{Kind: order.ActorStaff, ID: staff.CustomerID}}
}

// change runs a change as the pipeline would.
func change(t *testing.T, store *postgres.Store, orderID id.Order, apply func(o *order.Order, c order.Cause) error) *order.Order {
	t.Helper()
	outcome, err := store.ChangeOrder(t.Context(), auth.System, orderID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
		return uuid.Nil, apply(o, byStaff())
	}})
	if err != nil {
		t.Fatal(err)
	}
	return outcome.Order
}

// step advances until a question to the provider is due and takes in its answer.
func step(t *testing.T, store *postgres.Store, orderID id.Order, result payment.Result) *order.Order {
	t.Helper()
	var work *payment.Work
	change(t, store, orderID, func(o *order.Order, c order.Cause) error {
		for i := range o.Payments {
			if o.Payments[i].Status == payment.Initializing && o.Payments[i].NextStepAt != nil {
				o.Payments[i].NextStepAt = &c.Now
			}
		}
		for i := range o.Payments {
			for j := range o.Payments[i].Attempts {
				if a := &o.Payments[i].Attempts[j]; a.Open() {
					a.NextCallAt = &c.Now
				}
			}
		}
		var err error
		work, err = o.Advance(c, quick)
		return err
	})
	if work == nil {
		t.Fatal("nothing is due")
	}
	return change(t, store, orderID, func(o *order.Order, c order.Cause) error { return o.Settle(c, quick, work, result, nil) })
}

// Every fact a payment and its attempts have survives the database.
func TestPaymentFactsAreStored(t *testing.T) {
	t.Parallel()
	store := postgrestest.Store(t, postgrestest.Open(t).API, nil)
	o := create(t, store, ada)
	want := change(t, store, o.ID, func(o *order.Order, c order.Cause) error {
		p := &o.Payments[0]
		text, why := "text", payment.Mismatch
		p.Status, p.Goal, p.RecheckAt, p.ActionAsked, p.Attention = payment.RequiresAction, payment.Expired, &c.Now, true, &why
		p.Waits = true
		p.NextAction, p.DeclineCode, p.Reference = &payment.NextAction{Type: payment.ActionSimulated, ExpiresAt: &c.Now}, &text, "ref"
		unknown := payment.AttemptUnknown
		p.Attempts = append(p.Attempts, payment.Attempt{
			ID: id.New[id.Attempt](), OrderID: o.ID, PaymentID: p.ID, Operation: payment.OperationAuthorize, Outcome: &unknown, Calls: 8,
			LookUpOnly: true, Message: "text", StartedAt: c.Now, NextCallAt: &c.Now,
		})
		return nil
	})
	var got *order.Order
	change(t, store, o.ID, func(o *order.Order, _ order.Cause) error {
		got = o.Clone()
		return nil
	})
	if !reflect.DeepEqual(got.Payments, want.Payments) {
		t.Errorf("got\n%+v\nwant\n%+v", got.Payments, want.Payments)
	}
}

// What was said of an attempt that has ended is not loaded for changes, and no change of the attempt loses it.
func TestEndedAttemptKeepsItsMessage(t *testing.T) {
	t.Parallel()
	store := postgrestest.Store(t, postgrestest.Open(t).API, nil)
	o := create(t, store, ada)
	o = change(t, store, o.ID, func(o *order.Order, c order.Cause) error {
		a := payment.Attempt{ID: id.New[id.Attempt](), OrderID: o.ID, PaymentID: o.Payments[0].ID, Operation: payment.OperationVoid, StartedAt: c.Now, Message: "before"}
		o.Payments[0].Attempts = append(o.Payments[0].Attempts, a)
		return nil
	})
	change(t, store, o.ID, func(o *order.Order, c order.Cause) error {
		if got := o.Payments[0].Attempts[0].Message; got != "before" {
			t.Errorf("while it is open it says %q", got)
		}
		o.Payments[0].Attempts[0].Finish(payment.AttemptFail, "not today", c.Now)
		return nil
	})
	change(t, store, o.ID, func(o *order.Order, _ order.Cause) error {
		o.Payments[0].Attempts[0].Calls++
		return nil
	})
	got, err := store.AttemptsByPayment(t.Context(), staff, []id.Payment{o.Payments[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	if a := got[o.Payments[0].ID][0]; a.Message != "not today" || a.Calls != 1 {
		t.Errorf("it is %+v", a)
	}
}

// The database takes a success after CANCELLED only together with its refund, and keeps taking its failures.
func TestLateSuccessIsStored(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	o := create(t, store, ada)
	change(t, store, o.ID, func(o *order.Order, _ order.Cause) error {
		o.Payments[0].CaptureMethod = payment.CaptureManual
		return nil
	})
	change(t, store, o.ID, func(o *order.Order, c order.Cause) error {
		o.Payments[0].NextStepAt = &c.Now
		_, err := o.Advance(c, policy)
		return err
	})
	step(t, store, o.ID, payment.Result{Outcome: payment.Held})
	change(t, store, o.ID, func(o *order.Order, c order.Cause) error { return o.Cancel(c, order.CancelledByStaff) })
	if got := step(t, store, o.ID, payment.Result{Outcome: payment.Released}); got.Status != order.Cancelled {
		t.Fatalf("%s", got.Status)
	}
	change(t, store, o.ID, func(o *order.Order, c order.Cause) error {
		o.RequestRecheck(c, o.Payments[0].ID)
		return nil
	})
	for _, answer := range []payment.Outcome{payment.Captured, payment.Refused, payment.Refunded} {
		got := step(t, store, o.ID, payment.Result{Outcome: answer})
		if got.Status != order.Cancelled || got.Captured != 1800 || got.Refunded+got.RefundPending != 1800 {
			t.Errorf("after %s: %+v", answer, got.State)
		}
	}
	if n := count(t, db, "order_work"); n != 0 {
		t.Errorf("%d timers are left", n)
	}
}

// An audit entry is there exactly when its change is, and for ever.
func TestAudit(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	o := create(t, store, ada)
	entry := func() *audit.Entry {
		return audit.New(order.SystemClock(), staff, "order.cancel", o.ID, `said "so"`)
	}
	run := func(apply func(*order.Order) error) error {
		_, err := store.ChangeOrder(t.Context(), staff, o.ID, order.Change{Audit: entry(), Apply: func(o *order.Order) (uuid.UUID, error) { return uuid.Nil, apply(o) }})
		return err
	}
	if err := run(func(*order.Order) error { return errors.New("refused") }); err == nil || count(t, db, "audit_entries") != 0 {
		t.Errorf("refused: %v, %d entries", err, count(t, db, "audit_entries"))
	}
	if err := run(func(*order.Order) error { return nil }); err != nil || count(t, db, "audit_entries") != 0 {
		t.Errorf("no change: %v, %d entries", err, count(t, db, "audit_entries"))
	}
	first := true
	err := run(func(o *order.Order) error {
		if first { // another change wins the race, so this one is decided twice and told once
			first = false
			if _, err := db.ExecContext(t.Context(), `UPDATE orders SET revision = revision + 1`); err != nil {
				return err
			}
		}
		return o.Cancel(byStaff(), order.CancelledByStaff)
	})
	if err != nil || count(t, db, "audit_entries") != 1 {
		t.Errorf("changed: %v, %d entries", err, count(t, db, "audit_entries"))
	}
	var got struct {
		ActorID         id.Customer `db:"actor_id"`
		Action          string
		Subject, Detail string
	}
	if err := db.GetContext(t.Context(), &got, `SELECT actor_id, action, subject, detail FROM audit_entries`); err != nil ||
		got.ActorID != staff.CustomerID || got.Action != "order.cancel" || got.Subject != o.ID.TypeID() || got.Detail != `said "so"` {
		t.Errorf("%+v, %v", got, err)
	}
	for _, statement := range []string{`UPDATE audit_entries SET detail = ''`, `DELETE FROM audit_entries`, `TRUNCATE audit_entries`} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s is allowed", statement)
		}
	}
}

// 50 requests with one key against two replicas make one refund.
func TestRefundOnce(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	replicas := []*postgres.Store{}
	var db *postgrestest.DB
	for range 2 {
		db = postgrestest.Connect(t, url)
		replicas = append(replicas, postgrestest.Store(t, db.API, nil))
	}
	o := create(t, replicas[0], ada)
	change(t, replicas[0], o.ID, func(o *order.Order, c order.Cause) error {
		o.Payments[0].NextStepAt = &c.Now
		_, err := o.Advance(c, policy)
		return err
	})
	step(t, replicas[0], o.ID, payment.Result{Outcome: payment.Captured})
	var wg sync.WaitGroup
	ids := make([]uuid.UUID, 50)
	for i := range ids {
		wg.Go(func() {
			outcome, err := replicas[i%2].ChangeOrder(t.Context(), staff, o.ID, order.Change{
				Key: order.Idempotency{Operation: "refundCreate", Key: "k", Hash: [32]byte{1}},
				Apply: func(o *order.Order) (uuid.UUID, error) {
					refundID, err := o.Refund(byStaff(), 100, nil, nil)
					return uuid.UUID(refundID), err
				},
			})
			if err != nil {
				t.Error(err)
			}
			ids[i] = outcome.EntityID
		})
	}
	wg.Wait()
	for _, one := range ids {
		if one != ids[0] || one == uuid.Nil {
			t.Fatalf("refunds %v", ids)
		}
	}
	if n := count(t, db, "refunds"); n != 1 {
		t.Errorf("%d refunds", n)
	}
}
