package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// Money that moves behind our back is detected, shown, counted and told once; when both books agree again it is resolved.
func TestDifference(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(t, "sim_approve")
	other := b.order(t, "sim_approve")
	r := b.reconciler(t)
	b.turn(t, r)
	if found := b.entries(t, r); len(found) != 0 || r.Counts().Checked.Load() != 2 || r.Counts().Open.Load() != 0 {
		t.Fatalf("%+v, %d checked", found, r.Counts().Checked.Load())
	}

	b.move(t, o, price, 500)
	b.turn(t, r)
	found := b.entries(t, r)
	if len(found) != 1 {
		t.Fatalf("%+v", found)
	}
	if e := found[0]; e.PaymentID != o.Payments[0].ID || e.OrderID != o.ID || e.Expected.Minor != price || e.AtProvider.Minor != price-500 ||
		e.Expected.Currency != "EUR" || e.AtProvider.Currency != "EUR" || e.DetectedAt.IsZero() || e.ResolvedAt != nil {
		t.Errorf("%+v", e)
	}
	if r.Counts().Open.Load() != 1 || r.Counts().Detected.Load() != 1 {
		t.Errorf("%d open, %d detected", r.Counts().Open.Load(), r.Counts().Detected.Load())
	}
	after := b.walk(t, o.ID)
	if p := after.Payments[0]; p.Attention == nil || *p.Attention != payment.Mismatch || p.Refunded != 0 {
		t.Errorf("%+v: want attention, and nothing repaired", p)
	}
	if types := b.events(t, o.ID, o.Version); !slices.Equal(types, []order.EventType{order.PaymentNeedsAttention}) {
		t.Errorf("events %v", types)
	}

	// Nothing is told twice, not even when staff have taken the attention away.
	b.turn(t, r)
	quiet := b.change(t, o.ID, func(o *order.Order) error {
		if o.Payments[0].RecheckAt != nil {
			t.Error("a difference that is known was raised again")
		}
		o.Payments[0].Attention = nil
		return nil
	})
	b.turn(t, r)
	if again := b.walk(t, o.ID); again.Version != quiet.Version || len(b.entries(t, r)) != 1 || r.Counts().Detected.Load() != 1 {
		t.Errorf("version %d became %d, %+v", quiet.Version, again.Version, b.entries(t, r))
	}

	// It is raised again when the amounts change.
	b.move(t, o, price, 700)
	b.turn(t, r)
	if again := b.walk(t, o.ID); again.Version != quiet.Version+1 {
		t.Errorf("version %d, the further difference was not told", again.Version)
	}
	if found = b.entries(t, r); len(found) != 1 || found[0].AtProvider.Minor != price-700 {
		t.Errorf("%+v", found)
	}

	b.move(t, o, price, 0)
	b.turn(t, r)
	if found = b.entries(t, r); len(found) != 1 || found[0].ResolvedAt == nil || r.Counts().Open.Load() != 0 || r.Counts().Resolved.Load() != 1 {
		t.Errorf("%+v, %d open", found, r.Counts().Open.Load())
	}
	if p := b.walk(t, o.ID).Payments[0]; p.Attention != nil {
		t.Errorf("both agree and the payment still needs attention: %+v", p)
	}
	if p := b.walk(t, other.ID); p.Version != other.Version {
		t.Error("another order changed")
	}

	// The next one is another entry.
	b.move(t, o, price, 1)
	b.turn(t, r)
	if found = b.entries(t, r); len(found) != 2 || found[0].ResolvedAt != nil || found[1].ResolvedAt == nil {
		t.Errorf("%+v", found)
	}
}

// The reconciler does not repair a success that the provider recorded for an ended payment: the order's rules refund it, with its
// events, and then both books agree.
func TestLateSuccess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(t, "sim_decline")
	r := b.reconciler(t)
	b.turn(t, r)
	b.move(t, o, price, 0)
	b.turn(t, r)
	if found := b.entries(t, r); len(found) != 1 || found[0].Expected.Minor != 0 || found[0].AtProvider.Minor != price {
		t.Fatalf("%+v", found)
	}
	after := b.walk(t, o.ID)
	if after.Captured != price || after.Refunded != price {
		t.Errorf("%+v", after.State)
	}
	if types := b.events(t, o.ID, o.Version); !slices.Equal(types, []order.EventType{order.RefundCreated, order.RefundSucceeded}) {
		t.Errorf("events %v", types)
	}
	b.turn(t, r)
	if found := b.entries(t, r); len(found) != 1 || found[0].ResolvedAt == nil {
		t.Errorf("%+v", found)
	}
}

// A payment in progress, or one that changes while it is compared, is left to the next round.
func TestInFlight(t *testing.T) {
	t.Parallel()
	t.Run("OKAttemptUnderWay", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		o := b.order(t, "sim_approve")
		// Cancelled: the refund's attempt is open, its call has been made, its answer is not committed yet.
		var work *payment.Work
		b.change(t, o.ID, func(o *order.Order) (err error) {
			if err = o.Cancel(order.Cause{Now: order.SystemClock(), Actor: order.Actor{Kind: order.ActorStaff}}, order.CancelledByStaff); err != nil {
				return err
			}
			work, err = o.Advance(order.Cause{Now: order.SystemClock()}, policy)
			return err
		})
		if _, err := b.call(t.Context(), work); err != nil {
			t.Fatal(err)
		}
		r := b.reconciler(t)
		b.turn(t, r)
		if found := b.entries(t, r); len(found) != 0 || b.lookUps() != 0 {
			t.Errorf("%+v after %d look-ups", found, b.lookUps())
		}
	})
	t.Run("OKChangedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		o := b.order(t, "sim_approve")
		b.move(t, o, price, 500)
		changes := func(ctx context.Context, call payment.Call) (payment.Result, error) {
			result, err := b.provider.LookUp(ctx, call)
			b.change(t, o.ID, func(o *order.Order) error {
				o.RequestRecheck(order.Cause{Now: order.SystemClock()}, call.PaymentID)
				return nil
			})
			return result, err
		}
		b.lookUp = changes
		r := b.reconciler(t)
		b.turn(t, r)
		if found := b.entries(t, r); len(found) != 0 {
			t.Errorf("%+v", found)
		}
		b.lookUp = nil
		b.turn(t, r)
		if found := b.entries(t, r); len(found) != 1 {
			t.Errorf("%+v", found)
		}
		// Nor is a difference resolved if the order has changed since.
		b.move(t, o, price, 0)
		b.lookUp = changes
		b.turn(t, r)
		if found := b.entries(t, r); len(found) != 1 || found[0].ResolvedAt != nil {
			t.Errorf("%+v", found)
		}
	})
}

// Killed after a difference was kept and before it was raised: the next round raises it.
func TestKilledBeforeRaised(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(t, "sim_approve")
	b.move(t, o, price, 500)
	books, err := postgres.NewReconciliation(b.db.Worker, b.db.API, "killed").AtRest(t.Context(), []string{simulated.Name}, reconcile.Position{}, time.Now().Add(time.Hour), 10)
	if err != nil || len(books) != 1 {
		t.Fatal(books, err)
	}
	kept, changed, err := postgres.NewReconciliation(b.db.Worker, b.db.API, "killed").Differs(t.Context(), books[0], payment.Totals{Captured: price, Refunded: 500})
	if err != nil || !kept || !changed {
		t.Fatal(kept, changed, err)
	}
	b.turn(t, b.reconciler(t))
	if p := b.walk(t, o.ID).Payments[0]; p.Attention == nil {
		t.Error("nobody was told")
	}
}

func TestProviderAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var payments []id.Payment
	for range 3 {
		payments = append(payments, b.order(t, "sim_approve").Payments[0].ID)
	}
	r := b.reconciler(t)
	b.lookUp = func(context.Context, payment.Call) (payment.Result, error) {
		return payment.Result{}, errors.New("connection refused")
	}
	if err := reconcile.Turn(r, t.Context()); err == nil {
		t.Error("no error")
	}
	if r.Counts().Errors.Load() != 3 || r.Counts().Rounds.Load() != 0 || len(b.entries(t, r)) != 0 {
		t.Errorf("%d errors, %+v", r.Counts().Errors.Load(), b.entries(t, r))
	}
	b.lookUp = func(ctx context.Context, call payment.Call) (payment.Result, error) {
		if call.PaymentID == payments[1] {
			return payment.Result{}, errors.New("this one alone")
		}
		return b.provider.LookUp(ctx, call)
	}
	b.turn(t, r)
	if r.Counts().Checked.Load() != 2 || r.Counts().Errors.Load() != 4 || r.Counts().Rounds.Load() != 1 {
		t.Errorf("%d checked, %d errors, %d rounds", r.Counts().Checked.Load(), r.Counts().Errors.Load(), r.Counts().Rounds.Load())
	}
	b.lookUp = func(context.Context, payment.Call) (payment.Result, error) {
		return payment.Result{}, &payment.DefiniteError{Message: "invalid API key"}
	}
	if err := reconcile.Turn(r, t.Context()); err == nil || len(b.entries(t, r)) != 0 {
		t.Errorf("a provider that refuses to answer made a difference: %v, %+v", err, b.entries(t, r))
	}
}

// Every payment is compared once a round however many there are, and only those that changed within the window or
// differ; payments whose outcome is unknown are looked up by the order's rules.
func TestRound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := reconcile.PageSize + 3
	var orders []*order.Order
	for range n {
		orders = append(orders, b.order(t, "sim_approve"))
	}
	old, differing, unknown := orders[0], orders[1], orders[2]
	r := b.reconciler(t)
	b.move(t, differing, price, 1)
	b.turn(t, r)
	b.walk(t, differing.ID)
	b.exec(t, `UPDATE payments SET updated_at = now() - interval '2 hours' WHERE id = ANY(ARRAY[$1, $2]::uuid[])`,
		old.Payments[0].ID.String(), differing.Payments[0].ID.String())
	b.change(t, unknown.ID, func(o *order.Order) error {
		attention := payment.UnknownOutcome
		o.Payments[0].Attention = &attention
		return nil
	})
	b.lookedUp = map[id.Payment]int{}
	b.turn(t, r)
	if got := b.lookUps(); got != n-1 || len(b.lookedUp) != n-1 || b.lookedUp[old.Payments[0].ID] != 0 {
		t.Errorf("%d look-ups of %d payments, want %d", got, len(b.lookedUp), n-1)
	}
	if o := b.change(t, unknown.ID, func(*order.Order) error { return nil }); o.Payments[0].RecheckAt == nil {
		t.Error("the unknown outcome is not looked up")
	}
}

// One replica reconciles at a time. If it stops or is killed, another continues its round, and the first can no longer write.
func TestLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	one, two := postgres.NewReconciliation(b.db.Worker, b.db.API, "one"), postgres.NewReconciliation(b.db.Worker, b.db.API, "two")
	round, err := one.Begin(ctx, time.Hour, time.Hour)
	if err != nil || round == nil {
		t.Fatal(round, err)
	}
	if back := round.Began.Sub(round.From.At); back < 50*time.Minute || back > 70*time.Minute {
		t.Errorf("it goes back %v", back)
	}
	if other, err := two.Begin(ctx, time.Nanosecond, time.Hour); err != nil || other != nil {
		t.Fatal("two at once", other, err)
	}
	at := reconcile.Position{At: round.Began.Add(-time.Minute), ID: id.New[id.Payment]()}
	if err := one.Advance(ctx, round, at); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE reconciliation SET leased_until = '-infinity'`) // killed, and time has passed
	next, err := two.Begin(ctx, time.Hour, time.Hour)
	if err != nil || next == nil || !next.From.At.Equal(at.At) || next.From.ID != at.ID || !next.Began.Equal(round.Began) || next.Fence == round.Fence {
		t.Fatalf("%+v, want it to continue at %+v: %v", next, at, err)
	}
	if err := one.Advance(ctx, round, at); !errors.Is(err, reconcile.ErrLeaseLost) {
		t.Error(err)
	}
	if err := one.End(ctx, round); err != nil {
		t.Fatal(err)
	}
	if err := two.Advance(ctx, next, at); err != nil {
		t.Errorf("the first has ended the second's round: %v", err)
	}
	if err := two.Leave(ctx, next); err != nil { // stopped in order
		t.Fatal(err)
	}
	if next, err = one.Begin(ctx, time.Hour, time.Hour); err != nil || next == nil || next.From.ID != at.ID {
		t.Fatal(next, err)
	}
	if err := one.End(ctx, next); err != nil {
		t.Fatal(err)
	}
	if next, err = two.Begin(ctx, time.Hour, time.Hour); err != nil || next != nil {
		t.Error("a round before it is due", next, err)
	}
	if next, err = two.Begin(ctx, time.Nanosecond, time.Hour); err != nil || next == nil || next.From.ID == at.ID {
		t.Error("no new round", next, err)
	}
}

// A reconciler that is stopped leaves its round to others at once.
func TestStopped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.order(t, "sim_approve")
	ctx, stop := context.WithCancel(t.Context())
	b.lookUp = func(ctx context.Context, _ payment.Call) (payment.Result, error) {
		stop()
		<-ctx.Done()
		return payment.Result{}, ctx.Err()
	}
	if err := b.reconciler(t).Run(ctx); err != nil {
		t.Fatal(err)
	}
	b.lookUp = nil
	other := b.reconciler(t)
	b.turn(t, other)
	if other.Counts().Checked.Load() != 1 {
		t.Errorf("%d checked", other.Counts().Checked.Load())
	}
}

func TestOff(t *testing.T) {
	t.Parallel()
	if err := reconcile.New(reconcile.Config{}).Run(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.reconciler(t)
	var payments []id.Payment
	for i := range int64(3) {
		o := b.order(t, "sim_approve")
		b.move(t, o, price, 1+i)
		b.turn(t, r)
		payments = append(payments, o.Payments[0].ID)
	}
	slices.Reverse(payments)
	first, err := r.List(t.Context(), staff, pagination.Request{Limit: 2})
	if err != nil || len(first.Items) != 2 || !first.HasNext || first.Items[0].PaymentID != payments[0] || first.Items[1].PaymentID != payments[1] {
		t.Fatalf("%+v, %v", first, err)
	}
	rest, err := r.List(t.Context(), staff, pagination.Request{Limit: 2, After: id.Some(first.Items[1].ID)})
	if err != nil || len(rest.Items) != 1 || rest.HasNext || rest.Items[0].PaymentID != payments[2] {
		t.Fatalf("%+v, %v", rest, err)
	}
	for name, p := range map[string]auth.Principal{"customer": ada, "nobody": {}} {
		if _, err := r.List(t.Context(), p, pagination.Request{Limit: 2}); fault.CodeOf(err) != fault.Forbidden && fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What no total tells is booked all the same, once: a hold that the provider let go, and a dispute whose webhook was lost.
func TestMovedWithoutTotals(t *testing.T) {
	t.Parallel()
	t.Run("OKHoldGone", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		held := b.orderOf(t, "sim_approve", payment.CaptureManual)
		kept := b.orderOf(t, "sim_approve", payment.CaptureManual)
		r := b.reconciler(t)
		b.turn(t, r)
		b.change(t, kept.ID, func(o *order.Order) error {
			if o.Payments[0].RecheckAt != nil {
				t.Error("a hold that is there is looked at again")
			}
			return nil
		})
		b.exec(t, `UPDATE simulated.charges SET status = 'RELEASED' WHERE payment_id = $1`, held.Payments[0].ID)
		b.turn(t, r)
		if o := b.walk(t, held.ID); o.Payments[0].Status != payment.Voided {
			t.Errorf("the payment is %s", o.Payments[0].Status)
		}
		if o := b.walk(t, kept.ID); o.Payments[0].Status != payment.Authorized {
			t.Errorf("the other payment is %s", o.Payments[0].Status)
		}
		if found := b.entries(t, r); len(found) != 0 {
			t.Errorf("%+v", found)
		}
	})
	t.Run("OKDisputed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		o := b.order(t, "sim_approve")
		disputes := []payment.SeenDispute{{Reference: "dp_1", Minor: 500, Status: payment.DisputeNeedsResponse, Reason: "fraudulent"}}
		b.lookUp = func(ctx context.Context, call payment.Call) (payment.Result, error) {
			result, err := b.provider.LookUp(ctx, call)
			if result.Charge != nil {
				result.Charge.Disputes = disputes
			}
			return result, err
		}
		r := b.reconciler(t)
		opened := []order.EventType{order.DisputeOpened, order.PaymentNeedsAttention}
		for range 3 {
			b.turn(t, r)
			if after := b.walk(t, o.ID); after.Disputed != 500 {
				t.Fatalf("%+v", after.State)
			}
			if types := b.events(t, o.ID, o.Version); !slices.Equal(types, opened) {
				t.Fatalf("events %v", types)
			}
		}
		disputes[0].Status = payment.DisputeLost
		b.turn(t, r)
		b.walk(t, o.ID)
		if types := b.events(t, o.ID, o.Version); !slices.Equal(types, append(opened, order.DisputeLost)) {
			t.Errorf("events %v", types)
		}
	})
}
