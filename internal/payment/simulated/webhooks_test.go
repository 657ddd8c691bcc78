package simulated_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

const webhookSecret = "between us"

// receiver takes webhooks over real HTTP, and believes only what is signed.
type receiver struct {
	*httptest.Server
	verifier payment.WebhookVerifier
	// answer decides the status of a delivery; the default is 200.
	answer func(payment.Notice) int

	mu      sync.Mutex
	notices []payment.Notice
	grown   chan struct{}
}

func receive(t *testing.T, answer func(payment.Notice) int) *receiver {
	t.Helper()
	client, err := simulated.NewClient("http://127.0.0.1:1", nil, webhookSecret)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{verifier: client, answer: answer, grown: make(chan struct{}, 1000)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // the sender was stopped
	}
	notice, err := r.verifier.VerifyWebhook(request.Header, body, time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.notices = append(r.notices, notice)
	r.mu.Unlock()
	r.grown <- struct{}{}
	if r.answer != nil {
		w.WriteHeader(r.answer(notice))
	}
}

// wait gives the first n notices in the order of their arrival.
func (r *receiver) wait(t *testing.T, n int) []payment.Notice {
	t.Helper()
	for {
		got := r.got()
		if len(got) >= n {
			return got
		}
		select {
		case <-r.grown:
		case <-time.After(time.Minute):
			t.Fatalf("after a minute there are %d notices of %d: %+v", len(got), n, got)
		}
	}
}

func (r *receiver) got() []payment.Notice {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.notices)
}

// provider opens another provider on the same ledger.
func (b bundle) another(t *testing.T, opts simulated.Options) *simulated.Provider {
	t.Helper()
	p, err := simulated.New(b.db, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// send runs the sender until the test or stop ends it.
func send(t *testing.T, p *simulated.Provider) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.SendWebhooks(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(stop)
	return stop
}

func to(url string, mode simulated.WebhookMode, chaos simulated.Chaos) simulated.Options {
	return simulated.Options{Webhooks: simulated.Webhooks{
		Mode: mode, URL: url, Secrets: []string{webhookSecret}, Chaos: chaos,
		ChaosDelay: 600 * time.Millisecond, RetryAfter: time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	}}
}

// life takes a payment through an action, a capture and a refund, and lists what happened to it.
func life(t *testing.T, p *simulated.Provider) (payment.Call, []simulated.EventType) {
	t.Helper()
	call := newCall(simulated.TokenRequiresAction, payment.CaptureManual)
	_, err := p.Authorize(t.Context(), call)
	if err == nil {
		_, err = p.Complete(t.Context(), call.PaymentID, true)
	}
	if err == nil {
		_, err = p.Capture(t.Context(), on(call, payment.OperationCapture))
	}
	if err == nil {
		_, err = p.Refund(t.Context(), on(call, payment.OperationRefund))
	}
	if err != nil {
		t.Fatal(err)
	}
	return call, []simulated.EventType{simulated.EventActionRequired, simulated.EventHeld, simulated.EventCaptured, simulated.EventRefunded}
}

func types(notices []payment.Notice) []simulated.EventType {
	var list []simulated.EventType
	for _, n := range notices {
		list = append(list, simulated.EventType(n.Type))
	}
	return list
}

// waitUntil asks until it is so.
func waitUntil(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); {
		if time.Now().After(deadline) {
			t.Fatalf("a minute later still not: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// pending counts the events that are not done with.
func pending(t *testing.T, db *sqlx.DB) int {
	t.Helper()
	var n int
	if err := db.GetContext(t.Context(), &n, `SELECT count(*) FROM simulated.events WHERE due_at IS NOT NULL`); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWebhookModes(t *testing.T) {
	t.Parallel()
	for mode, want := range map[simulated.WebhookMode][]simulated.EventType{
		simulated.WebhooksOff:       nil,
		"":                          nil,
		simulated.WebhooksOfActions: {simulated.EventHeld},
		simulated.WebhooksOfAll:     {simulated.EventActionRequired, simulated.EventHeld, simulated.EventCaptured, simulated.EventRefunded},
	} {
		t.Run("mode "+string(mode), func(t *testing.T) {
			t.Parallel()
			r := receive(t, nil)
			b := setup(t, simulated.Options{})
			p := b.another(t, to(r.URL, mode, simulated.Chaos{}))
			send(t, p)
			call, _ := life(t, p)
			notices := r.wait(t, len(want))
			waitUntil(t, "nothing is pending", func() bool { return pending(t, b.db) == 0 })
			got := types(notices)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || len(r.got()) != len(want) {
				t.Errorf("got %v, want %v", got, want)
			}
			for _, n := range notices {
				if n.PaymentID != call.PaymentID || n.Reference == "" || n.EventID == "" {
					t.Errorf("%+v is not of the payment", n)
				}
			}
		})
	}
}

// What was asked twice happened once.
func TestWebhookOncePerMove(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	b := setup(t, simulated.Options{})
	p := b.another(t, to(r.URL, simulated.WebhooksOfAll, simulated.Chaos{}))
	call := newCall(simulated.TokenErrorOnce, payment.CaptureAutomatic)
	void := on(call, payment.OperationVoid)
	for range 3 {
		_, _ = p.Authorize(t.Context(), call) // the first is a server error
		if _, err := p.Void(t.Context(), void); err != nil {
			t.Fatal(err)
		}
	}
	if n := pending(t, b.db); n != 0 {
		t.Fatalf("%d events of a payment that was voided before anything was decided", n)
	}
	call = newCall(simulated.TokenErrorOnce, payment.CaptureAutomatic)
	refund := on(call, payment.OperationRefund)
	for range 3 {
		_, _ = p.Authorize(t.Context(), call)
		_, _ = p.Refund(t.Context(), refund)
	}
	send(t, p)
	waitUntil(t, "nothing is pending", func() bool { return pending(t, b.db) == 0 })
	if got := types(r.got()); len(got) != 1 || got[0] != simulated.EventCaptured {
		// The refund came before the capture and stays rejected under its key.
		t.Errorf("got %v, want one capture", got)
	}
}

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

func TestNewErr(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	for name, opts := range map[string]simulated.Options{
		"ErrNoSecret":       {Webhooks: simulated.Webhooks{Mode: simulated.WebhooksOfAll, URL: "http://127.0.0.1:1"}},
		"ErrEmptySecret":    {Webhooks: simulated.Webhooks{Mode: simulated.WebhooksOfAll, URL: "http://127.0.0.1:1", Secrets: []string{"a", ""}}},
		"ErrMode":           {Webhooks: simulated.Webhooks{Mode: "some"}},
		"ErrLatency":        {Latency: simulated.Latency{Min: 2, Max: 1}},
		"ErrLatencyBelow0":  {Latency: simulated.Latency{Min: -1, Max: 1}},
		"ErrFailureRate":    {FailureRate: 1.1},
		"ErrFailureBelow0":  {FailureRate: -0.1},
		"ErrFailureUnknown": {FailureRate: nan()},
	} {
		if p, err := simulated.New(b.db, opts); err == nil {
			t.Errorf("%s: is accepted", name)
			_ = p.Close()
		}
	}
	if _, err := simulated.ParseChaos([]string{"late", "wild"}); err == nil {
		t.Error("wild is accepted")
	}
	c, err := simulated.ParseChaos([]string{"late", "early", "reorder", "duplicate"})
	if err != nil || fmt.Sprint(c) != "{true true true true}" {
		t.Errorf("%+v, %v", c, err)
	}
}
