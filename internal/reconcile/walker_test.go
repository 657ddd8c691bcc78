package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// Charges of lost orders are found once, by any replica and in any number of rounds, and leave the list when they are settled at
// the provider.
func TestOrphans(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ours := b.installation(t)
	b.order(t, "sim_approve") // its charge is known
	captured := b.lost(t, ours, "sim_approve", payment.CaptureAutomatic)
	held := b.lost(t, ours, "sim_approve", payment.CaptureManual)
	b.lost(t, ours, "sim_decline", payment.CaptureAutomatic)
	b.lost(t, uuid.New(), "sim_approve", payment.CaptureAutomatic) // staging's
	b.lost(t, uuid.Nil, "sim_approve", payment.CaptureAutomatic)   // of a version without marks
	one, two := b.walker(t, b.provider), b.walker(t, b.provider)
	want := []string{captured.Reference, held.Reference}
	for range 3 {
		walkTurn(t, one)
		walkTurn(t, two)
		if got := found(t, one, true); !slices.Equal(got, want) {
			t.Fatalf("found %q, want %q", got, want)
		}
	}
	if one.Counts().Detected.Load() != 2 || two.Counts().Detected.Load() != 0 || one.Counts().Open.Load() != 2 {
		t.Errorf("%d and %d detected, %d open", one.Counts().Detected.Load(), two.Counts().Detected.Load(), one.Counts().Open.Load())
	}
	o := orphanList(t, one, false)[1]
	if o.OrderID != captured.OrderID || o.PaymentID != captured.PaymentID || o.Amount != captured.Amount || o.Provider != simulated.Name ||
		o.Status != payment.ChargeCaptured || o.Totals != (payment.Totals{Captured: price}) || o.DetectedAt.IsZero() || o.ResolvedAt != nil {
		t.Errorf("%+v", o)
	}

	// A part given back leaves it open.
	b.moved(t, captured, 500)
	walkTurn(t, one)
	if o := orphanList(t, one, false)[1]; o.Totals.Refunded != 500 || o.Status != payment.ChargeCaptured {
		t.Errorf("%+v", o)
	}
	b.moved(t, captured, price)
	if _, err := b.provider.Void(t.Context(), payment.Call{
		Key: id.New[id.Attempt](), OrderID: held.OrderID, PaymentID: held.PaymentID, Amount: held.Amount, Reference: held.Reference,
	}); err != nil {
		t.Fatal(err)
	}
	walkTurn(t, two)
	if open, all := found(t, one, false), found(t, one, true); len(open) != 0 || !slices.Equal(all, want) {
		t.Errorf("open %q, all %q", open, all)
	}
	if list := orphanList(t, one, true); list[0].Status != payment.ChargeReleased || list[1].Status != payment.ChargeRefunded || list[0].ResolvedAt == nil {
		t.Errorf("%+v", list)
	}
	walkTurn(t, one)
	if one.Counts().Open.Load() != 0 || one.Counts().Resolved.Load()+two.Counts().Resolved.Load() != 2 || one.Counts().Detected.Load() != 2 {
		t.Errorf("%d open, %d detected", one.Counts().Open.Load(), one.Counts().Detected.Load())
	}
}

// moved has the provider give back a part of a charge without us.
func (b *bundle) moved(t *testing.T, call payment.Call, refunded int64) {
	t.Helper()
	b.exec(t, `UPDATE simulated.charges SET refunded = $2 WHERE reference = $1`, call.Reference, refunded)
}

// A payment that has forgotten its charge, because the restored one is from before the charge was made, does not stand for it.
func TestForgottenCharge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(t, "sim_approve")
	reference := o.Payments[0].Reference
	b.exec(t, `UPDATE simulated.charges SET installation = $1`, b.installation(t))
	b.exec(t, `UPDATE payments SET provider_reference = NULL`)
	w := b.walker(t, b.provider)
	walkTurn(t, w)
	if got := found(t, w, false); !slices.Equal(got, []string{reference}) {
		t.Fatalf("found %q", got)
	}
	b.exec(t, `UPDATE payments SET provider_reference = $1`, reference)
	walkTurn(t, w)
	if open, all := found(t, w, false), orphanList(t, w, true); len(open) != 0 || len(all) != 1 || all[0].ResolvedAt == nil {
		t.Errorf("the payment is there again: %q, %+v", open, all)
	}
}

// A charge without money is no finding until somebody pays it, which may be long after the walk has passed it.
func TestPendingOrphan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.lost(t, b.installation(t), "sim_requires_action", payment.CaptureAutomatic)
	w := b.walker(t, b.provider)
	walkTurn(t, w)
	if got := found(t, w, true); len(got) != 0 || w.Counts().Open.Load() != 0 {
		t.Fatalf("found %q", got)
	}
	b.exec(t, `UPDATE charge_walks SET walked_until = clock_timestamp() + interval '1 day'`) // the walk is past it
	if _, err := b.provider.Complete(t.Context(), call.PaymentID, true); err != nil {
		t.Fatal(err)
	}
	walkTurn(t, w)
	if got := found(t, w, false); !slices.Equal(got, []string{call.Reference}) || w.Counts().Detected.Load() != 1 {
		t.Errorf("found %q, %d detected", got, w.Counts().Detected.Load())
	}
}

// A charge whose payment may yet be told of it is no finding, however old it is: not before the answer is committed, not at that moment
// and not after it. It is one when the question ended without it, also long after the walk has passed it.
func TestAwaitedCharge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(t, "sim_approve")
	reference := o.Payments[0].Reference
	b.exec(t, `UPDATE simulated.charges SET installation = $1`, b.installation(t))
	awaits := func() {
		b.exec(t, `UPDATE payment_attempts SET outcome = 'UNKNOWN', finished_at = NULL`)
		b.exec(t, `UPDATE payments SET provider_reference = NULL`)
	}
	ends := func() { b.exec(t, `UPDATE payment_attempts SET outcome = 'SUCCESS', finished_at = started_at`) }
	awaits()
	committed := func(string) error { return nil }
	w := b.walker(t, &books{ChargeBooks: b.provider, charge: func(reference string) error { return committed(reference) }})
	for range 2 { // recorded, and looked up
		walkTurn(t, w)
		if got := found(t, w, true); len(got) != 0 {
			t.Fatalf("found %q while the answer is awaited", got)
		}
	}
	committed = func(reference string) error {
		ends()
		b.exec(t, `UPDATE payments SET provider_reference = $1`, reference)
		return nil
	}
	for range 2 {
		walkTurn(t, w)
		if got := found(t, w, true); len(got) != 0 {
			t.Fatalf("found %q though its payment is told of it", got)
		}
	}
	committed = func(string) error { return nil }
	awaits()
	walkTurn(t, w)
	b.exec(t, `UPDATE charge_walks SET walked_until = clock_timestamp() + interval '1 day'`) // the walk is past it
	b.exec(t, `UPDATE orphaned_charges SET charged_at = charged_at - interval '1 year'`)
	ends()
	walkTurn(t, w)
	if got := found(t, w, false); !slices.Equal(got, []string{reference}) || w.Counts().Detected.Load() != 1 {
		t.Fatalf("found %q, %d detected", got, w.Counts().Detected.Load())
	}
	awaits() // a charge that was shown stays
	b.exec(t, `UPDATE charge_walks SET walked_until = clock_timestamp()`)
	walkTurn(t, w)
	if list := orphanList(t, w, false); len(list) != 1 || list[0].Status != payment.ChargeCaptured {
		t.Errorf("%+v", list)
	}
}

// The payment of a charge that was made a moment ago may not know it yet.
func TestGrace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.lost(t, b.installation(t), "sim_approve", payment.CaptureAutomatic)
	ctx, store := t.Context(), b.orphans("one")
	b.exec(t, `UPDATE charge_walks SET walked_until = clock_timestamp() - interval '3 hours'`)
	walk, err := store.BeginWalk(ctx, reconcile.WalkTimes{Grace: time.Hour, Overlap: time.Hour})
	if err != nil || walk == nil {
		t.Fatal(walk, err)
	}
	if between := walk.Until.Sub(walk.From); between < 2*time.Hour || between > 4*time.Hour {
		t.Errorf("it covers %s", between)
	}
	page, err := b.provider.Charges(ctx, payment.ChargeRange{Installation: b.installation(t), From: walk.From, Until: walk.Until})
	if err != nil || len(page.Charges) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	b.exec(t, `UPDATE simulated.charges SET created_at = created_at - interval '61 minutes' WHERE reference = $1`, call.Reference)
	page, err = b.provider.Charges(ctx, payment.ChargeRange{Installation: b.installation(t), From: walk.From, Until: walk.Until})
	if err != nil || len(page.Charges) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
}

// The provider is away: the round stays where it is, and nothing is taken for settled or for walked.
func TestWalkProviderAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.lost(t, b.installation(t), "sim_approve", payment.CaptureAutomatic)
	away := errors.New("connection refused")
	list := &books{ChargeBooks: b.provider, charges: func(payment.ChargeRange) error { return away }}
	w := b.walker(t, list)
	for range 3 {
		if err := reconcile.WalkTurn(w, t.Context()); !errors.Is(err, away) {
			t.Fatal(err)
		}
	}
	if w.Counts().Rounds.Load() != 0 || len(found(t, w, true)) != 0 {
		t.Error("a round ended")
	}
	list.charges = nil
	walkTurn(t, w)
	if got := found(t, w, false); !slices.Equal(got, []string{call.Reference}) {
		t.Fatalf("found %q", got)
	}
	// Its list works and its charges do not: they stay open, and it is not asked for ever.
	for range 5 {
		b.lost(t, b.installation(t), "sim_approve", payment.CaptureAutomatic)
	}
	walkTurn(t, w)
	b.moved(t, call, price)
	list.asks, list.charge = 0, func(string) error { return away }
	walkTurn(t, w)
	if list.asks != 3 || len(found(t, w, false)) != 6 {
		t.Errorf("%d questions, open %q", list.asks, found(t, w, false))
	}
	// A charge whose look-up fails does not keep the others from being looked up.
	refused := found(t, w, false)[1]
	list.charge = func(reference string) error {
		if reference == refused {
			return away
		}
		return nil
	}
	walkTurn(t, w)
	if open := found(t, w, false); len(open) != 5 || slices.Contains(open, call.Reference) {
		t.Errorf("open %q", open)
	}
}

// many charges of lost orders, on three pages of the provider's.
const many = 230

func (b *bundle) lostMany(t *testing.T) {
	t.Helper()
	for range many {
		b.lost(t, b.installation(t), "sim_approve", payment.CaptureAutomatic)
	}
}

// Killed in the middle: another replica continues with the next page, and the first can no longer write.
func TestWalkKilled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.lostMany(t)
	ctx, kill := context.WithCancel(t.Context())
	var dead payment.ChargeRange
	first := &books{ChargeBooks: b.provider, charges: func(r payment.ChargeRange) error {
		if r.After != "" {
			dead = r
			kill()
			return ctx.Err()
		}
		return nil
	}}
	one := b.walker(t, first)
	if err := reconcile.WalkTurn(one, ctx); err == nil {
		t.Fatal("no error")
	}
	b.lost(t, b.installation(t), "sim_approve", payment.CaptureAutomatic) // the round does not cover it
	var went []string
	second := &books{ChargeBooks: b.provider, charges: func(r payment.ChargeRange) error {
		if !r.Until.Equal(dead.Until) || !r.From.Equal(dead.From) {
			t.Errorf("it covers %s to %s, want %s to %s", r.From, r.Until, dead.From, dead.Until)
		}
		went = append(went, r.After)
		return nil
	}}
	two := b.walker(t, second)
	walkTurn(t, two)
	if len(went) != 2 || went[0] != dead.After || one.Counts().Detected.Load() != 100 || two.Counts().Detected.Load() != many-100 {
		t.Errorf("it continued at %q, want %s first; %d and %d detected", went, dead.After, one.Counts().Detected.Load(), two.Counts().Detected.Load())
	}
	if open, _, err := b.orphans("").Status(t.Context()); err != nil || open != many {
		t.Errorf("%d are open, %v", open, err)
	}
	second.charges = nil
	walkTurn(t, two)
	if open, _, err := b.orphans("").Status(t.Context()); err != nil || open != many+1 {
		t.Errorf("%d are open, %v", open, err)
	}
}

// The place at which a round stopped may be gone at the provider: the round starts again.
func TestWalkPlaceGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.lostMany(t)
	gone := true
	w := b.walker(t, &books{ChargeBooks: b.provider, charges: func(r payment.ChargeRange) error {
		if r.After != "" && gone {
			gone = false
			return payment.ErrPlaceGone
		}
		return nil
	}})
	walkTurn(t, w)
	if w.Counts().Detected.Load() != many || w.Counts().Rounds.Load() != 1 {
		t.Errorf("%d detected in %d rounds", w.Counts().Detected.Load(), w.Counts().Rounds.Load())
	}
}

// One replica at a time; one that was held up changes nothing. A round is due after its interval, or when the log is another one.
func TestWalkLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, one, two := t.Context(), b.orphans("one"), b.orphans("two")
	hourly := reconcile.WalkTimes{Interval: time.Hour, Overlap: time.Hour}
	walk, err := one.BeginWalk(ctx, hourly)
	if err != nil || walk == nil {
		t.Fatal(walk, err)
	}
	if other, err := two.BeginWalk(ctx, reconcile.WalkTimes{}); err != nil || other != nil {
		t.Fatal("two at once", other, err)
	}
	b.exec(t, `UPDATE charge_walks SET leased_until = '-infinity' WHERE provider = $1`, simulated.Name) // held up
	next, err := two.BeginWalk(ctx, hourly)
	if err != nil || next == nil || !next.Until.Equal(walk.Until) || next.Fence == walk.Fence {
		t.Fatal(next, err)
	}
	call := b.lost(t, b.installation(t), "sim_approve", payment.CaptureAutomatic)
	charge, err := b.provider.Charge(ctx, call.Reference)
	if err != nil {
		t.Fatal(err)
	}
	_, recordErr := one.Record(ctx, walk, []payment.Charge{charge})
	for name, err := range map[string]error{
		"record": recordErr, "advance": one.AdvanceWalk(ctx, walk, "x"), "end": one.EndWalk(ctx, walk),
	} {
		if !errors.Is(err, reconcile.ErrLeaseLost) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := one.ResolveKnown(ctx, walk); n != 0 || err != nil {
		t.Error(n, err)
	}
	if detected, err := two.Record(ctx, next, []payment.Charge{charge, charge}); err != nil || len(detected) != 1 {
		t.Errorf("%+v, %v", detected, err)
	}
	charge.Status = payment.ChargeRefunded
	if became, err := one.Asked(ctx, walk, charge.Reference, &charge); !errors.Is(err, reconcile.ErrLeaseLost) || became.Resolved {
		t.Error(became, err)
	}
	if err := two.EndWalk(ctx, next); err != nil {
		t.Fatal(err)
	}
	if again, err := one.BeginWalk(ctx, hourly); err != nil || again != nil {
		t.Fatal("a round before it is due", again, err)
	}
	b.exec(t, `UPDATE event_log SET identity = identity # 1`)
	again, err := one.BeginWalk(ctx, hourly)
	if err != nil || again == nil || !again.From.Equal(walk.Until.Add(-time.Hour)) {
		t.Fatal("the log is another one, and no round is due, or none that continues where the last ended", again, walk.Until, err)
	}
	if err := one.EndWalk(ctx, again); err != nil {
		t.Fatal(err)
	}
	if again, err := one.BeginWalk(ctx, hourly); err != nil || again != nil {
		t.Error("another round for the same log", again, err)
	}
}

func TestOrphanList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.walker(t, b.provider)
	var want []string
	for range 3 {
		want = append(want, b.lost(t, b.installation(t), "sim_approve", payment.CaptureAutomatic).Reference)
		walkTurn(t, w)
	}
	first, err := w.List(t.Context(), staff, pagination.Request{Limit: 2}, false)
	if err != nil || len(first.Items) != 2 || !first.HasNext || first.Items[0].Reference != want[2] || first.Items[1].Reference != want[1] {
		t.Fatalf("%+v, %v", first, err)
	}
	rest, err := w.List(t.Context(), staff, pagination.Request{Limit: 2, After: id.Some(first.Items[1].ID)}, false)
	if err != nil || len(rest.Items) != 1 || rest.HasNext || rest.Items[0].Reference != want[0] {
		t.Fatalf("%+v, %v", rest, err)
	}
	for name, p := range map[string]auth.Principal{"customer": ada, "nobody": {}} {
		if _, err := w.List(t.Context(), p, pagination.Request{Limit: 2}, true); fault.CodeOf(err) != fault.Forbidden && fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}
