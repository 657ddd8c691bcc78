package webhookinbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/webhookinbox"
)

// shelf keeps the last notice instead of a database.
type shelf struct {
	webhookinbox.Store
	got *payment.Notice
}

// Put implements webhookinbox.Store.
func (s *shelf) Put(_ context.Context, _ string, n payment.Notice) (bool, error) {
	s.got = &n
	return true, nil
}

// trusting believes any body, or nothing.
type trusting struct {
	notice payment.Notice
	err    error
}

// VerifyWebhook implements payment.WebhookVerifier.
func (v trusting) VerifyWebhook(http.Header, []byte, time.Time) (payment.Notice, error) {
	return v.notice, v.err
}

// FuzzReceiver: whatever a provider's signed event has in its names, what is stored fits the database, the rest is
// refused with 400, and the answer repeats none of it.
func FuzzReceiver(f *testing.F) {
	for _, text := range []string{"evt_1", "", "\x00", "a\nb", "\x7f", "é", "\xff", "\ud7ff", "\u2028", strings.Repeat("x", 255), strings.Repeat("x", 256), strings.Repeat("é", 128)} {
		f.Add("acme", text, "charge.captured", "ch_1", true)
		f.Add("acme", "evt_1", text, text, true)
	}
	f.Add("acme", "evt_1", "", "", false)
	f.Add("other", "evt_1", "", "", true)
	f.Fuzz(func(t *testing.T, provider, event, kind, reference string, believed bool) {
		verifier := trusting{notice: payment.Notice{EventID: event, Type: kind, Reference: reference}}
		if !believed {
			verifier = trusting{err: errors.New(event)}
		}
		kept := &shelf{}
		receiver := webhookinbox.NewReceiver(webhookinbox.ReceiverConfig{
			Store: kept, Verifiers: map[string]payment.WebhookVerifier{"acme": verifier}, Stored: func() {}, Counts: &webhookinbox.Counts{},
			Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
		})
		r := httptest.NewRequest(http.MethodPost, "/webhooks/x", strings.NewReader("{}"))
		r.SetPathValue("provider", provider)
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, r)
		fits := believed && event != ""
		for _, s := range []string{event, kind, reference} {
			fits = fits && len(s) <= 255 && utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) && c < 0x7f })
		}
		want := http.StatusBadRequest
		switch {
		case provider != "acme":
			want, fits = http.StatusNotFound, false
		case fits:
			want = http.StatusOK
		}
		if w.Code != want || (kept.got != nil) != fits {
			t.Fatalf("%q %q %q %q: %d, stored %v; want %d", provider, event, kind, reference, w.Code, kept.got, want)
		}
		if !fits && len(event) > 30 && strings.Contains(w.Body.String(), event) {
			t.Fatalf("%q is in the answer %s", event, w.Body)
		}
		if fits && fmt.Sprint(*kept.got) != fmt.Sprint(verifier.notice) {
			t.Fatalf("stored %+v", kept.got)
		}
	})
}
