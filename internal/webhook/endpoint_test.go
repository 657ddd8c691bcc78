package webhook_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/webhook"
)

// 410 Gone ends the endpoint; pending deliveries stay, and continue when staff enable it again.
func TestGone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, answers(410, 204))
	e, _ := w.endpoint(r.URL)
	w.place()
	w.place()
	w.fanOut()
	d, _ := w.deliver(w.store, func(cfg *webhook.Config) { cfg.PerEndpoint = 1 })
	if s := w.outcome(); s.outcome.Status != webhook.Failed {
		t.Fatalf("%+v", s.outcome)
	}
	found, err := w.service.EndpointsByID(t.Context(), staff, []id.Endpoint{e.ID})
	if err != nil || found[e.ID].Enabled || !strings.Contains(*found[e.ID].DisabledReason, "410") {
		t.Fatalf("%+v, %v", found[e.ID], err)
	}
	missed := w.place()
	w.fanOut()
	if due, err := w.store.NextDelivery(t.Context(), nil); due != nil || err != nil {
		t.Errorf("due %v, %v", due, err)
	}
	on := true
	enabled, err := w.service.Update(t.Context(), staff, e.ID, webhook.Change{Enabled: &on})
	if err != nil || !enabled.Enabled || enabled.DisabledReason != nil {
		t.Fatalf("%+v, %v", enabled, err)
	}
	later := w.place()
	w.fanOut()
	d.Wake()
	for range 2 {
		if s := w.outcome(); s.outcome.Status != webhook.Delivered || s.claimed.EventID == missed.ID {
			t.Errorf("%+v: want what was pending, and what came later (%s)", s.claimed, later.ID)
		}
	}
	if got := w.deliveries(); len(got) != 3 {
		t.Errorf("%d deliveries: what happened while it was disabled is not for it", len(got))
	}
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, answers(204, 500, 204))
	w.endpoint(r.URL)
	w.place()
	w.fanOut()
	d, _ := w.deliver(w.store, nil)
	first := r.next(t)
	delivered := w.outcome().claimed
	if got, err := w.service.Redeliver(t.Context(), staff, delivered.ID); err != nil || got.Status != webhook.Pending {
		t.Fatalf("%+v, %v", got, err)
	}
	d.Wake()
	again := r.next(t)
	if first.header.Get("Webhook-Id") != again.header.Get("Webhook-Id") || string(first.body) != string(again.body) {
		t.Errorf("got %v, then %v", first.header, again.header)
	}
	// It failed, as a new one: the backoff starts again, and the attempts still count up.
	s := w.outcome()
	if pause := s.outcome.NextAttemptAt.Sub(w.clock.Now()); s.claimed.Attempts != 2 || s.claimed.Try != 1 || pause > 6*time.Second {
		t.Errorf("%+v, again in %s", s.claimed, pause)
	}
	w.clock.forward(time.Minute)
	d.Wake()
	if s := w.outcome(); s.outcome.Status != webhook.Delivered || s.claimed.Attempts != 3 {
		t.Errorf("%+v", s)
	}
}

// A secret that was replaced stays good for a day, also when the replacement is replaced.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, nil)
	e, first := w.endpoint(r.URL)
	rotate := func() webhook.Secret {
		_, secret, err := w.service.RotateSecret(t.Context(), staff, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	w.deliver(w.store, nil)
	good := func(when string, secrets map[*webhook.Secret]bool) {
		t.Helper()
		w.place()
		w.fanOut()
		got := r.next(t)
		w.outcome()
		// The library knows the machine's clock only; the signature is over the header as it is.
		for secret, want := range secrets {
			checker, err := standardwebhooks.NewWebhook(secret.Reveal())
			if err != nil {
				t.Fatal(err)
			}
			if err := checker.VerifyIgnoringTimestamp(got.body, got.header); (err == nil) != want {
				t.Errorf("%s: %v, want good: %v (%s)", when, err, want, got.header.Get("Webhook-Signature"))
			}
		}
	}
	second := rotate()
	good("after a rotation", map[*webhook.Secret]bool{&first: true, &second: true})
	w.clock.forward(23 * time.Hour)
	third := rotate()
	good("after another", map[*webhook.Secret]bool{&first: true, &second: true, &third: true})
	w.clock.forward(time.Hour)
	good("a day after the first", map[*webhook.Secret]bool{&first: false, &second: true, &third: true})
	w.clock.forward(23 * time.Hour)
	good("a day after the second", map[*webhook.Secret]bool{&first: false, &second: false, &third: true})
}

// A name that resolves to what is not allowed when it is dialled is not connected to, whatever was checked before.
func TestForbiddenWhenDialled(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, nil)
	w.endpoint(r.URL)                                                              // an address
	w.endpoint("http://localhost" + strings.TrimPrefix(r.URL, "http://127.0.0.1")) // a name
	w.place()
	w.fanOut()
	w.deliver(w.store, func(cfg *webhook.Config) { cfg.Destinations = webhook.Destinations{} })
	for range 2 {
		if s := w.outcome(); s.outcome.Status != webhook.Pending || s.outcome.ResponseStatus != nil {
			t.Errorf("%+v", s.outcome)
		}
	}
	if len(r.got) != 0 {
		t.Error("it was connected to")
	}
}

// A receiver's URL may have a secret in any part. None gets into the log, whatever goes wrong.
func TestLogHasNoURL(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, nil)
	w.endpoint(r.URL + "/services/hunter2?token=hunter2")
	r.Close()
	w.place()
	w.fanOut()
	var log bytes.Buffer
	_, stop := w.deliver(w.store, func(cfg *webhook.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	if s := w.outcome(); s.outcome.Status != webhook.Pending {
		t.Errorf("%+v", s.outcome)
	}
	stop()
	if text := log.String(); !strings.Contains(text, "error=") || strings.Contains(text, "hunter2") || strings.Contains(text, r.Listener.Addr().String()) {
		t.Errorf("the log: %s", text)
	}
}

// What Go's errors say about an address, a name or a certificate is told without them.
func TestErrorsHaveNoAddress(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	get := func(to string, c *tls.Config) error {
		transport := &http.Transport{TLSClientConfig: c}
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Client{Transport: transport}).Do(request)
		if err == nil {
			_ = response.Body.Close()
			t.Fatalf("%s answers", to)
		}
		return err
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(secure.Certificate())
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"Refused":   {get(closed.URL, nil), "connection refused"},
		"Authority": {get(secure.URL, nil), "unknown authority"},
		"Name":      {get(secure.URL, &tls.Config{RootCAs: trusted, ServerName: "hunter2.invalid", MinVersion: tls.VersionTLS12}), "for another name"},
		"Expired": {get(secure.URL, &tls.Config{
			RootCAs: trusted, MinVersion: tls.VersionTLS12, Time: func() time.Time { return secure.Certificate().NotAfter.Add(time.Hour) },
		}), "has expired"},
		"NoName":    {&url.Error{Op: "Post", URL: "https://hunter2.invalid/", Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "hunter2.invalid", IsNotFound: true}}}, "does not exist"},
		"Lookup":    {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "server misbehaving", Name: "hunter2.invalid", Server: "127.0.0.1:53"}}, "looking up the receiver's host name failed"},
		"Forbidden": {&net.OpError{Op: "dial", Err: &webhook.ForbiddenAddressError{Address: "127.0.0.1:443"}}, "private or reserved address"},
		"Reset":     {&net.OpError{Op: "read", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443}, Err: io.ErrUnexpectedEOF}, "unexpected EOF"},
	} {
		got := webhook.WithoutAddress(test.err).Error()
		if !strings.Contains(got, test.want) || strings.Contains(got, "hunter2") || strings.Contains(got, "127.0.0.1") || strings.Contains(got, "example") {
			t.Errorf("%s: %q is told as %q, want %q and no address", name, test.err, got, test.want)
		}
	}
}

// Stopping the server ends requests that hang; they are due at once for another replica.
func TestStopped(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, func(_ http.ResponseWriter, in *http.Request) { <-in.Context().Done() })
	w.endpoint(r.URL)
	w.place()
	w.fanOut()
	_, stop := w.deliver(w.store, func(cfg *webhook.Config) { cfg.Timeout = time.Hour })
	r.next(t)
	stop()
	if s := w.outcome(); s.outcome.Status != webhook.Pending || s.outcome.NextAttemptAt.After(w.clock.Now()) {
		t.Errorf("%+v", s.outcome)
	}
	if claimed, err := w.store.ClaimDeliveries(t.Context(), w.clock.Now(), time.Minute, 8, nil); err != nil || len(claimed) != 1 {
		t.Errorf("claimed %v, %v", claimed, err)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, answers(204, 500))
	w.endpoint(r.URL)
	w.place()
	w.fanOut()
	d, stop := w.deliver(w.store, nil)
	w.outcome()
	w.place()
	w.fanOut()
	d.Wake()
	w.outcome()
	stop()
	d.Prune(t.Context())
	if got := w.deliveries(); len(got) != 2 {
		t.Fatalf("%d deliveries left, and none is old", len(got))
	}
	w.clock.forward(8 * 24 * time.Hour)
	d.Prune(t.Context())
	if got := w.deliveries(); len(got) != 1 || got[0].Status != webhook.Pending {
		t.Fatalf("%d deliveries left, want the one that is still sent", len(got))
	}
	off := false
	if _, err := w.service.Update(t.Context(), staff, w.deliveries()[0].Endpoint.ID, webhook.Change{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	d.Prune(t.Context())
	if got := w.deliveries(); len(got) != 0 {
		t.Errorf("%d deliveries left, want none: nobody sends it", len(got))
	}
}
