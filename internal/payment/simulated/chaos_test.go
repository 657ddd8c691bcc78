package simulated_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

func TestChaosDuplicate(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	b := setup(t, simulated.Options{})
	p := b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{Duplicate: true}))
	send(t, p)
	_, want := life(t, p)
	seen := map[payment.Notice]int{}
	for _, n := range r.wait(t, 2*len(want)) {
		seen[n]++
	}
	for n, times := range seen {
		if times != 2 {
			t.Errorf("%+v came %d times", n, times)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d events, want %d", len(seen), len(want))
	}
}

// Reordered, what happened at once arrives backwards.
func TestChaosReorder(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	b := setup(t, simulated.Options{})
	opts := to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{Reorder: true, Late: true})
	opts.Webhooks.ChaosDelay = time.Hour
	p := b.another(t, opts)
	_, want := life(t, p)
	slices.Reverse(want)
	// The clock is moved, not waited for: after each third of the hour one more event is due.
	send(t, p)
	var early int
	if err := b.db.GetContext(t.Context(), &early, `SELECT count(*) FROM simulated.events WHERE due_at < now() + interval '59 minutes'`); err != nil {
		t.Fatal(err)
	}
	if early != 0 {
		t.Errorf("%d events are not late", early)
	}
	for i := range want {
		if i == 0 {
			advance(t, b.db, "61 minutes")
		} else {
			advance(t, b.db, "20 minutes")
		}
		if got := types(r.wait(t, i+1)); !slices.Equal(got, want[:i+1]) {
			t.Fatalf("got %v, want %v", got, want[:i+1])
		}
		waitUntil(t, "the delivery is noted", func() bool { return pending(t, b.db) == len(want)-i-1 })
	}
}

// advance lets time pass for the outbox.
func advance(t *testing.T, db *sqlx.DB, by string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), `UPDATE simulated.events SET due_at = due_at - $1::interval`, by); err != nil {
		t.Fatal(err)
	}
}

// An early webhook has been taken by the time the call is answered, and is not sent again by the sender.
func TestChaosEarly(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	b := setup(t, simulated.Options{})
	p := b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{Early: true}))
	send(t, p)
	call := newCall(simulated.TokenRequiresAction, payment.CaptureManual)
	for i, do := range []func() (payment.Result, error){
		func() (payment.Result, error) { return p.Authorize(t.Context(), call) },
		func() (payment.Result, error) { return p.Complete(t.Context(), call.PaymentID, true) },
		func() (payment.Result, error) {
			return p.Capture(t.Context(), on(call, payment.OperationCapture))
		},
	} {
		_, err := do()
		if got := r.got(); err != nil || len(got) != i+1 {
			t.Fatalf("call %d is answered (%v) after %d webhooks: %v", i+1, err, len(got), types(got))
		}
	}
	if n := pending(t, b.db); n != 0 {
		t.Errorf("%d events will be sent again", n)
	}
}

// Early, and nobody there: the call is answered all the same, and the event is sent when somebody is.
func TestChaosEarlyWithoutReceiver(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	b := setup(t, simulated.Options{})
	p := b.another(t, to(gone.URL, simulated.WebhooksOfAll, simulated.Chaos{Early: true}))
	if _, err := p.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic)); err != nil {
		t.Fatal(err)
	}
	if n := pending(t, b.db); n != 1 {
		t.Fatalf("%d events wait", n)
	}
	r := receive(t, nil)
	send(t, b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{})))
	r.wait(t, 1)
}
