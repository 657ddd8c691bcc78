package webhook_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/webhook"
)

// busy answers a status with Retry-After; empty: without.
func busy(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
	}
}

// A receiver's Retry-After is waited for, within its bounds and never less than the backoff; 429 and 503 pause the whole endpoint.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const s, m = time.Second, time.Minute
	// The first backoff is 5 s, a fifth more or less.
	for name, c := range map[string]struct {
		answer             http.HandlerFunc
		next, pause, slack time.Duration // pause 0: none
	}{
		"Seconds":       {busy(429, "120"), 2 * m, 2 * m, 0},
		"Unavailable":   {busy(503, "120"), 2 * m, 2 * m, 0},
		"Date":          {busy(429, time.Now().Add(10*m).UTC().Format(http.TimeFormat)), 10 * m, 10 * m, m},
		"Past":          {busy(429, "Sun, 06 Nov 1994 08:49:37 GMT"), 5 * s, s, s},
		"Zero":          {busy(429, "0"), 5 * s, s, s},
		"TooLong":       {busy(503, "99999999999999999999999"), time.Hour, time.Hour, 0},
		"LaterThanEver": {busy(503, "Fri, 31 Dec 9999 23:59:59 GMT"), time.Hour, time.Hour, 0},
		"None":          {busy(429, ""), 5 * s, 5 * s, s},
		"Nonsense":      {busy(503, "-5 minutes"), 5 * s, 5 * s, s},
		"Error500":      {busy(500, "120"), 2 * m, 0, 0},
		"Error500None":  {busy(500, ""), 5 * s, 0, s},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			e, _ := w.endpoint(newReceiver(t, c.answer).URL)
			w.place()
			w.fanOut()
			w.deliver(w.store, nil)
			o := w.outcome().outcome
			if next := o.NextAttemptAt.Sub(w.clock.Now()); (next - c.next).Abs() > c.slack {
				t.Errorf("the delivery is due in %s, want %s", next, c.next)
			}
			paused := w.found(e.ID).PausedUntil
			switch {
			case c.pause == 0 && paused != nil, c.pause != 0 && paused == nil:
				t.Errorf("paused until %v, want a pause of %s", paused, c.pause)
			case paused != nil && (paused.Sub(w.clock.Now())-c.pause).Abs() > c.slack:
				t.Errorf("paused for %s, want %s", paused.Sub(w.clock.Now()), c.pause)
			}
		})
	}
}

// found is the endpoint as it is now.
func (w *world) found(endpointID id.Endpoint) *webhook.Endpoint {
	w.t.Helper()
	found, err := w.service.EndpointsByID(w.t.Context(), staff, []id.Endpoint{endpointID})
	if err != nil || found[endpointID] == nil {
		w.t.Fatalf("endpoint %v, %v", found[endpointID], err)
	}
	return found[endpointID]
}

// While an endpoint is throttled none of its deliveries is sent, however many are due and however many replicas there are; another
// endpoint gets its own at once. After the pause all continue.
func TestThrottled(t *testing.T) {
	t.Parallel()
	const events = 5
	w := setup(t)
	var free atomic.Bool
	throttled := newReceiver(t, func(out http.ResponseWriter, in *http.Request) {
		if !free.Load() {
			busy(429, "600")(out, in)
		}
	})
	other := newReceiver(t, nil)
	slow, _ := w.endpoint(throttled.URL)
	w.endpoint(other.URL)
	for range events {
		w.place()
	}
	w.fanOut()
	one := func(cfg *webhook.Config) { cfg.PerEndpoint = 1 }
	d, _ := w.deliver(w.store, one)
	for range events + 1 {
		w.outcome() // all of the other's, and one refused
	}
	second, _ := w.deliver(w.store, one)
	w.clock.forward(9 * time.Minute) // the others are long due
	if due, err := w.store.NextDelivery(t.Context(), nil); err != nil || due == nil || !due.Equal(*w.found(slow.ID).PausedUntil) {
		t.Errorf("the next is due at %v, want the pause's end: %v", due, err)
	}
	if claimed, err := w.store.ClaimDeliveries(t.Context(), w.clock.Now(), time.Minute, 8, nil); err != nil || len(claimed) != 0 {
		t.Errorf("claimed %v, %v", claimed, err)
	}
	// A new event goes to the other one only.
	w.place()
	w.fanOut()
	d.Wake()
	second.Wake()
	if s := w.outcome(); s.claimed.EndpointID == slow.ID {
		t.Errorf("sent to the throttled one: %+v", s.claimed)
	}
	if n := len(throttled.got); n != 1 {
		t.Errorf("the throttled one got %d requests", n)
	}
	free.Store(true)
	w.clock.forward(2 * time.Minute)
	d.Wake()
	for range events + 1 {
		if s := w.outcome(); s.outcome.Status != webhook.Delivered || s.claimed.EndpointID != slow.ID {
			t.Errorf("after the pause: %+v", s)
		}
	}
}

// An endpoint that fails for long without one success is disabled, visibly; enabled again it continues with the kept deliveries.
func TestDisabledAfterDays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var good atomic.Bool
	r := newReceiver(t, func(out http.ResponseWriter, _ *http.Request) {
		if !good.Load() {
			out.WriteHeader(http.StatusInternalServerError)
		}
	})
	e, _ := w.endpoint(r.URL)
	d, _ := w.deliver(w.store, func(cfg *webhook.Config) { cfg.DisableAfter = 72 * time.Hour })
	try := func(forward time.Duration) webhook.Outcome {
		w.clock.forward(forward)
		w.place()
		w.fanOut()
		d.Wake()
		return w.outcome().outcome
	}
	// Failures with a success between them do not add up.
	try(0)
	if since := w.found(e.ID).FailingSince; since == nil || !since.Equal(w.clock.Now().Truncate(time.Microsecond)) {
		t.Errorf("failing since %v", since)
	}
	good.Store(true)
	w.clock.forward(71 * time.Hour)
	d.Wake()
	w.outcome()
	if since := w.found(e.ID).FailingSince; since != nil {
		t.Errorf("failing since %v after a success", since)
	}
	good.Store(false)
	try(0)
	began := w.clock.Now()
	w.exec(`UPDATE webhook_deliveries SET next_attempt_at = $1 WHERE status = 'PENDING'`, began.Add(72*time.Hour+time.Second))
	w.clock.forward(71 * time.Hour)
	try(0)
	if got := w.found(e.ID); !got.Enabled {
		t.Fatalf("disabled after 71 hours: %+v", got)
	}
	w.clock.forward(72*time.Hour + time.Second - w.clock.Now().Sub(began))
	d.Wake()
	for range 2 {
		w.outcome() // of both, which were claimed together
	}
	got := w.found(e.ID)
	if got.Enabled || got.DisabledReason == nil || *got.DisabledReason != "No request succeeded for 3 days. The last answer had the status 500." || got.DisabledAt == nil {
		t.Fatalf("after 72 hours: %+v", got)
	}
	if n, err := d.Disabled(t.Context()); n != 1 || err != nil || d.Counts().Disabled.Load() != 1 {
		t.Errorf("disabled endpoints %d, %v, counted %d", n, err, d.Counts().Disabled.Load())
	}
	good.Store(true)
	on := true
	if got, err := w.service.Update(t.Context(), staff, e.ID, webhook.Change{Enabled: &on}); err != nil || got.FailingSince != nil || got.DisabledAt != nil {
		t.Fatalf("enabled: %+v, %v", got, err)
	}
	kept := 0
	for _, delivery := range w.deliveries() {
		if delivery.Status == webhook.Pending {
			kept++
		}
	}
	if kept < 2 {
		t.Fatalf("%d deliveries were kept", kept)
	}
	w.clock.forward(25 * time.Hour)
	d.Wake()
	for range kept {
		if s := w.outcome(); s.outcome.Status != webhook.Delivered {
			t.Errorf("%+v", s)
		}
	}
}

// What staff disable is not shown as disabled by the server, and our own stop is no failure of the endpoint.
func TestNotDisabled(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, func(_ http.ResponseWriter, in *http.Request) { <-in.Context().Done() })
	e, _ := w.endpoint(r.URL)
	w.place()
	w.fanOut()
	d, stop := w.deliver(w.store, func(cfg *webhook.Config) { cfg.Timeout, cfg.DisableAfter = time.Hour, time.Nanosecond })
	r.next(t)
	stop()
	w.outcome()
	if got := w.found(e.ID); !got.Enabled || got.FailingSince != nil {
		t.Errorf("after our own stop: %+v", got)
	}
	off := false
	if got, err := w.service.Update(t.Context(), staff, e.ID, webhook.Change{Enabled: &off}); err != nil || got.DisabledAt == nil || got.DisabledReason != nil {
		t.Errorf("disabled by staff: %+v, %v", got, err)
	}
	if n, err := d.Disabled(t.Context()); n != 0 || err != nil {
		t.Errorf("%d are shown as disabled by the server, %v", n, err)
	}
}

// Two replicas that fail at once disable an endpoint once.
func TestDisabledOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.endpoint("http://127.0.0.1:9")
	w.place()
	w.place()
	w.fanOut()
	claimed, err := w.store.ClaimDeliveries(t.Context(), w.clock.Now(), time.Minute, 8, nil)
	if err != nil || len(claimed) != 2 {
		t.Fatalf("claimed %v, %v", claimed, err)
	}
	w.exec(`UPDATE webhook_endpoints SET failing_since = $1`, w.clock.Now().Add(-time.Hour))
	reasons := make(chan string, 2)
	for i, c := range claimed {
		go func() {
			got, err := w.store.SettleDelivery(t.Context(), c, webhook.Outcome{
				Status: webhook.Failed, Failure: &webhook.Failure{At: w.clock.Now(), DisableBefore: w.clock.Now().Add(-time.Hour), Reason: strings.Repeat("x", i+1)},
			})
			if err != nil || !got.Settled {
				t.Errorf("%+v, %v", got, err)
			}
			reasons <- got.DisabledReason
		}()
	}
	if a, b := <-reasons, <-reasons; (a == "") == (b == "") {
		t.Errorf("disabled for %q and for %q", a, b)
	}
}
