package simulated_test

import (
	"context"
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

	"github.com/orderwire/orderwire/internal/eventually"
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
		case <-time.After(eventually.Patience):
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
	for deadline := time.Now().Add(eventually.Patience); !so(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(5 * time.Millisecond) // a pause between attempts
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
