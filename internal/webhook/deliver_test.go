package webhook_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/outbound/outboundtest"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/webhook"
)

// verify checks a request as receivers do, with the public library.
func verify(t *testing.T, secret webhook.Secret, r request) error {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return w.Verify(r.body, r.header)
}

func TestDelivered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, nil)
	_, secret := w.endpoint(r.URL + "/hooks?shop=1")
	e := w.place()
	w.fanOut()
	d, _ := w.deliver(w.store, nil)
	got := r.next(t)
	if err := verify(t, secret, got); err != nil {
		t.Error(err)
	}
	if want := e.ID.TypeID(); got.header.Get("Webhook-Id") != want || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v, want the id %s", got.header, want)
	}
	if want, err := webhook.Body(&e); err != nil || string(got.body) != string(want) {
		t.Errorf("body %s, want %s, %v", got.body, want, err)
	}
	w.outcome()
	found := w.deliveries()
	if len(found) != 1 || found[0].Status != webhook.Delivered || found[0].Attempts != 1 || *found[0].ResponseStatus != 204 ||
		found[0].NextAttemptAt != nil || found[0].EventID != e.ID || found[0].EventType != order.OrderCreated {
		t.Errorf("deliveries %+v", found[0])
	}
	if got := d.Counts(); got.Delivered.Load() != 1 || got.Failed.Load() != 0 || got.Retried.Load() != 0 {
		t.Errorf("counted %+v", got)
	}
	got.body[10]++
	if verify(t, secret, got) == nil {
		t.Error("another body has the same signature")
	}
}

// Whatever goes wrong, the same request is made again, later and later, until the last attempt.
func TestRetries(t *testing.T) {
	t.Parallel()
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Close() // nobody listens there any more
	for name, c := range map[string]struct {
		answer http.HandlerFunc // nil: connection refused
		status int
	}{
		"Err500":      {answers(500), 500},
		"Err404":      {answers(404), 404},
		"ErrRedirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, 302},
		"ErrRefused":  {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			url := "http://" + refused.Addr().String()
			var r *receiver
			if c.answer != nil {
				r = newReceiver(t, c.answer)
				url = r.URL
			}
			w.endpoint(url)
			e := w.place()
			w.fanOut()
			d, _ := w.deliver(w.store, nil)
			for try := 1; try <= webhook.Tries; try++ {
				s := w.outcome()
				if (c.status == 0) != (s.outcome.ResponseStatus == nil) || (c.status != 0 && *s.outcome.ResponseStatus != c.status) {
					t.Fatalf("try %d: outcome %+v", try, s.outcome)
				}
				if s.claimed.EventID != e.ID || s.claimed.Attempts != try {
					t.Fatalf("try %d: claimed %+v", try, s.claimed)
				}
				if try == webhook.Tries {
					if s.outcome.Status != webhook.Failed {
						t.Errorf("after the last try: %+v", s.outcome)
					}
					break
				}
				pause := s.outcome.NextAttemptAt.Sub(w.clock.Now())
				if s.outcome.Status != webhook.Pending || pause < 4*time.Second || pause > 29*time.Hour {
					t.Fatalf("try %d: %+v in %s", try, s.outcome, pause)
				}
				w.clock.forward(pause)
				d.Wake()
			}
			if got := w.deliveries()[0]; got.Status != webhook.Failed || got.Attempts != webhook.Tries {
				t.Errorf("in the end: %+v", got)
			}
			if r != nil && len(r.got) != webhook.Tries {
				t.Errorf("received %d times", len(r.got))
			}
		})
	}
}

// A receiver that does not answer in time is tried again.
func TestTimeout(t *testing.T) {
	t.Parallel()
	w := setup(t)
	hang := make(chan struct{})
	var requests atomic.Int64
	r := newReceiver(t, func(writer http.ResponseWriter, in *http.Request) {
		if requests.Add(1) == 1 {
			select {
			case <-hang:
			case <-in.Context().Done():
			}
			return
		}
		writer.WriteHeader(http.StatusOK)
	})
	defer close(hang)
	w.endpoint(r.URL)
	w.place()
	w.fanOut()
	// Long enough for the second request on a loaded machine, and the first one hangs however long it is.
	d, _ := w.deliver(w.store, func(cfg *webhook.Config) { cfg.Timeout = 2 * time.Second })
	s := w.outcome()
	if s.outcome.Status != webhook.Pending || s.outcome.ResponseStatus != nil {
		t.Fatalf("%+v", s.outcome)
	}
	for s.outcome.Status == webhook.Pending {
		w.clock.forward(time.Hour)
		d.Wake()
		s = w.outcome()
	}
	if s.outcome.Status != webhook.Delivered {
		t.Errorf("%+v", s.outcome)
	}
}

// A receiver that answers 101 and then says nothing has given no answer. It would hold its request, and the server's stop, for ever.
func TestReceiverSwitchesProtocols(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.endpoint(outboundtest.Upgrades(t))
	w.place()
	w.fanOut()
	w.deliver(w.store, nil)
	if s := w.outcome(); s.outcome.Status != webhook.Pending || s.outcome.ResponseStatus != nil {
		t.Errorf("%+v", s.outcome)
	}
}

// mute loses the answers it is to write down, as a process does that is killed after the request.
type mute struct{ *postgres.Webhooks }

func (mute) SettleDelivery(context.Context, *webhook.Claimed, webhook.Outcome) (webhook.Settlement, error) {
	return webhook.Settlement{}, context.Canceled
}

// Killed between the request and its commit: the receiver gets the same id again.
func TestKilledBeforeCommit(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, nil)
	w.endpoint(r.URL)
	w.place()
	w.fanOut()
	_, stop := w.deliver(mute{w.store}, nil)
	first := r.next(t)
	stop()
	if got := w.deliveries()[0]; got.Status != webhook.Pending || got.Attempts != 1 {
		t.Fatalf("%+v", got)
	}
	// While the lease stands nobody else takes it.
	claimed, err := w.store.ClaimDeliveries(t.Context(), w.clock.Now(), time.Minute, 8, nil)
	if err != nil || len(claimed) != 0 {
		t.Fatalf("claimed %v, %v", claimed, err)
	}
	w.exec(`UPDATE webhook_deliveries SET leased_until = clock_timestamp() - interval '1 second'`)
	w.deliver(w.store, nil)
	second := r.next(t)
	if a, b := first.header.Get("Webhook-Id"), second.header.Get("Webhook-Id"); a != b || string(first.body) != string(second.body) {
		t.Errorf("%s, then %s", a, b)
	}
	w.outcome()
	if got := w.deliveries(); len(got) != 1 || got[0].Status != webhook.Delivered || got[0].Attempts != 2 {
		t.Errorf("%+v", got[0])
	}
}

// A process that was stopped for longer than its lease changes nothing when it wakes up.
func TestStoppedLongerThanLease(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.endpoint("http://127.0.0.1:1")
	w.place()
	w.fanOut()
	claim := func() *webhook.Claimed {
		claimed, err := w.store.ClaimDeliveries(t.Context(), w.clock.Now(), time.Minute, 8, nil)
		if err != nil || len(claimed) != 1 {
			t.Fatalf("claimed %v, %v", claimed, err)
		}
		return claimed[0]
	}
	stopped := claim()
	w.exec(`UPDATE webhook_deliveries SET leased_until = clock_timestamp() - interval '1 second'`)
	other := claim()
	if got, err := w.store.SettleDelivery(t.Context(), stopped, webhook.Outcome{Status: webhook.Failed}); got.Settled || err != nil {
		t.Errorf("the first one's lease has ended: %+v, %v", got, err)
	}
	if got, err := w.store.SettleDelivery(t.Context(), other, webhook.Outcome{Status: webhook.Delivered}); !got.Settled || err != nil {
		t.Errorf("the second one: %+v, %v", got, err)
	}
	if got, err := w.store.SettleDelivery(t.Context(), other, webhook.Outcome{Status: webhook.Failed}); got.Settled || err != nil {
		t.Errorf("twice: %+v, %v", got, err)
	}
	if got := w.deliveries()[0]; got.Status != webhook.Delivered || got.Attempts != 2 {
		t.Errorf("%+v", got)
	}
}

// Two processes share the work and nothing is sent twice.
func TestTwoDeliverers(t *testing.T) {
	t.Parallel()
	const events = 40
	w := setup(t)
	r := newReceiver(t, nil)
	w.endpoint(r.URL)
	for range events {
		w.place()
	}
	w.fanOut()
	w.deliver(w.store, nil)
	w.deliver(w.store, nil)
	ids := map[string]int{}
	for range events {
		ids[r.next(t).header.Get("Webhook-Id")]++
		w.outcome()
	}
	if len(ids) != events || len(r.got) != 0 {
		t.Errorf("%d ids, %d more requests", len(ids), len(r.got))
	}
	for _, d := range w.deliveries() {
		if d.Status != webhook.Delivered || d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
	}
}

// A receiver that hangs holds only its own share of the work.
func TestSlowEndpointDelaysNobody(t *testing.T) {
	t.Parallel()
	const events = 12
	w := setup(t)
	hang := make(chan struct{})
	slow := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-hang })
	release := sync.OnceFunc(func() { close(hang) })
	defer release()
	fast := newReceiver(t, nil)
	w.endpoint(slow.URL)
	w.endpoint(fast.URL)
	for range events {
		w.place()
	}
	w.fanOut()
	w.deliver(w.store, func(cfg *webhook.Config) { cfg.PerEndpoint, cfg.Timeout = 2, time.Hour })
	slow.next(t)
	slow.next(t)
	for range events {
		fast.next(t)
		if s := w.outcome(); s.outcome.Status != webhook.Delivered {
			t.Fatalf("%+v", s)
		}
	}
	if n := len(slow.got); n != 0 {
		t.Errorf("%d more requests to the slow one, above its share of 2", n)
	}
	release()
	for range events - 2 {
		slow.next(t)
	}
}
