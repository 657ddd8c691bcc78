package simulated_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// The receiver fails at first: the same event comes again until it is taken.
func TestWebhookRetries(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	left := 4
	r := receive(t, func(payment.Notice) int {
		mu.Lock()
		defer mu.Unlock()
		if left--; left >= 0 {
			return []int{500, 404, 302, 429}[left]
		}
		return http.StatusNoContent
	})
	b := setup(t, simulated.Options{})
	p := b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{}))
	send(t, p)
	if _, err := p.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic)); err != nil {
		t.Fatal(err)
	}
	notices := r.wait(t, 5)
	waitUntil(t, "it is taken", func() bool { return pending(t, b.db) == 0 })
	if len(slices.Compact(notices)) != 1 || len(r.got()) != 5 {
		t.Errorf("got %+v, want one event five times", r.got())
	}
}

func TestWebhookGivenUp(t *testing.T) {
	t.Parallel()
	r := receive(t, func(payment.Notice) int { return http.StatusInternalServerError })
	b := setup(t, simulated.Options{})
	p := b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{}))
	if _, err := p.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.ExecContext(t.Context(), `UPDATE simulated.events SET tries = 18`); err != nil {
		t.Fatal(err)
	}
	send(t, p)
	r.wait(t, 1)
	waitUntil(t, "the last try is due", func() bool {
		advance(t, b.db, "1 hour")
		return pending(t, b.db) == 0
	})
	var delivered, tries int
	err := errors.Join(b.db.GetContext(t.Context(), &delivered, `SELECT count(delivered_at) FROM simulated.events`),
		b.db.GetContext(t.Context(), &tries, `SELECT tries FROM simulated.events`))
	if err != nil || delivered != 0 || tries != 20 {
		t.Errorf("%d delivered after %d tries, %v", delivered, tries, err)
	}
}

// What is finished leaves when it is old; what is still to be sent does not.
func TestOldEventsLeave(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	b := setup(t, simulated.Options{})
	p := b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{}))
	const charges = 3
	for range charges {
		if _, err := p.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic)); err != nil {
			t.Fatal(err)
		}
	}
	// One is finished and old, one is finished, one is old and not sent yet.
	for _, age := range []string{
		`UPDATE simulated.events SET created_at = now() - interval '31 days' WHERE id IN (SELECT id FROM simulated.events ORDER BY id LIMIT 2)`,
		`UPDATE simulated.events SET due_at = NULL WHERE id <> (SELECT id FROM simulated.events ORDER BY id LIMIT 1)`,
	} {
		if _, err := b.db.ExecContext(t.Context(), age); err != nil {
			t.Fatal(err)
		}
	}
	send(t, p)
	r.wait(t, 1)
	left := 0
	if err := b.db.GetContext(t.Context(), &left, `SELECT count(*) FROM simulated.events`); err != nil || left != charges-1 {
		t.Errorf("%d events are left (%v), want %d", left, err, charges-1)
	}
}

// Killed between the ledger's commit and the delivery: another sender on the same ledger makes it.
func TestSenderKilledBeforeSending(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	b := setup(t, simulated.Options{})
	first := b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{}))
	_, want := life(t, first) // and no sender runs
	if got := r.got(); len(got) != 0 {
		t.Fatalf("sent already: %v", types(got))
	}
	send(t, b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{})))
	if got := types(r.wait(t, len(want))); len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A sender is stopped for good while the receiver has the event and has not answered. Another sends the same event
// again, and what the first one notes when it wakes up changes nothing.
func TestSenderStoppedWhileSending(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	held := receive(t, func(payment.Notice) int {
		<-release
		return http.StatusOK
	})
	releaseOnce := sync.OnceFunc(func() { close(release) })
	t.Cleanup(releaseOnce)
	second := receive(t, func(payment.Notice) int { return http.StatusInternalServerError })
	b := setup(t, simulated.Options{})
	slow := b.another(t, to(held.URL, simulated.WebhooksOfAll, simulated.Chaos{}))
	if _, err := slow.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic)); err != nil {
		t.Fatal(err)
	}
	stopSlow := send(t, slow)
	first := held.wait(t, 1)
	advance(t, b.db, "31 seconds") // its claim has run out
	opts := to(second.URL, simulated.WebhooksOfAll, simulated.Chaos{})
	opts.Webhooks.RetryAfter = time.Hour // so that it tries once
	stopSecond := send(t, b.another(t, opts))
	if again := second.wait(t, 1); again[0] != first[0] {
		t.Errorf("another event: %+v, want %+v", again[0], first[0])
	}
	stopSecond() // its failure is noted
	releaseOnce()
	if _, err := slow.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic)); err != nil {
		t.Fatal(err)
	}
	held.wait(t, 2) // so its success with the first event is noted, too late
	stopSlow()
	var waits bool
	if err := b.db.GetContext(t.Context(), &waits, `SELECT due_at IS NOT NULL FROM simulated.events WHERE id = $1`, first[0].EventID); err != nil || !waits {
		t.Errorf("the event does not wait for the second sender any more (%v)", err)
	}
	send(t, b.another(t, to(held.URL, simulated.WebhooksOfAll, simulated.Chaos{})))
	advance(t, b.db, "2 hours")
	waitUntil(t, "it is taken", func() bool { return pending(t, b.db) == 0 })
}

// Two senders on one ledger share the work.
func TestSendersShare(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	b := setup(t, simulated.Options{})
	p := b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{}))
	const payments = 40
	for range payments {
		if _, err := p.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic)); err != nil {
			t.Fatal(err)
		}
	}
	send(t, p)
	send(t, b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{})))
	waitUntil(t, "nothing is pending", func() bool { return pending(t, b.db) == 0 })
	seen := map[string]int{}
	for _, n := range r.got() {
		seen[n.EventID]++
	}
	if len(seen) != payments || len(r.got()) != payments {
		t.Errorf("%d events in %d deliveries, want %d once each", len(seen), len(r.got()), payments)
	}
}

// A receiver with a certificate that nobody vouches for is told only where that is allowed.
func TestWebhookTLS(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	secure := httptest.NewTLSServer(r)
	t.Cleanup(secure.Close)
	b := setup(t, simulated.Options{})
	opts := to(secure.URL, simulated.WebhooksOfAll, simulated.Chaos{})
	opts.Webhooks.RetryAfter = time.Hour
	strict := b.another(t, opts)
	if _, err := strict.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic)); err != nil {
		t.Fatal(err)
	}
	stop := send(t, strict)
	waitUntil(t, "the delivery has failed", func() bool {
		var postponed bool
		if err := b.db.GetContext(t.Context(), &postponed, `SELECT due_at > now() + interval '30 minutes' FROM simulated.events`); err != nil {
			t.Fatal(err)
		}
		return postponed
	})
	stop()
	if got := r.got(); len(got) != 0 {
		t.Errorf("sent to another server that answered: %+v", got)
	}
	opts.Webhooks.TLS = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // what is tested
	send(t, b.another(t, opts))
	advance(t, b.db, "1 hour")
	r.wait(t, 1)
}
