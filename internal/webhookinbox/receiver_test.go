package webhookinbox_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/webhookinbox"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// acme is a provider that signs time and body.
type acme struct{ secret string }

func (a acme) VerifyWebhook(h http.Header, body []byte, at time.Time) (payment.Notice, error) {
	stamp, err := strconv.ParseInt(h.Get("Acme-Time"), 10, 64)
	if err != nil || !hmac.Equal([]byte(a.sign(stamp, body)), []byte(h.Get("Acme-Signature"))) {
		return payment.Notice{}, &payment.WebhookError{Reason: "the signature does not match"}
	}
	if at.Sub(time.Unix(stamp, 0)).Abs() > 5*time.Minute {
		return payment.Notice{}, &payment.WebhookError{Reason: "the signature is too old"}
	}
	var n payment.Notice
	if err := json.Unmarshal(body, &n); err != nil {
		return payment.Notice{}, &payment.WebhookError{Reason: "the body is not JSON"}
	}
	return n, nil
}

func (a acme) sign(stamp int64, body []byte) string {
	mac := hmac.New(sha256.New, []byte(a.secret))
	fmt.Fprintf(mac, "%d.", stamp)
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// receiving is a bundle whose receiver is served.
type receiving struct {
	*bundle
	server *httptest.Server
	stored atomic.Int64
}

func serve(t *testing.T) *receiving {
	t.Helper()
	rc := &receiving{bundle: setup(t)}
	mux := http.NewServeMux()
	mux.Handle("/webhooks/{provider}", webhookinbox.NewReceiver(webhookinbox.ReceiverConfig{
		Store: rc.store, Verifiers: map[string]payment.WebhookVerifier{"acme": acme{"secret"}},
		Stored: func() { rc.stored.Add(1) }, Counts: rc.counts, Now: func() time.Time { return now }, Log: rc.logger(),
	}))
	rc.server = httptest.NewServer(mux)
	t.Cleanup(rc.server.Close)
	return rc
}

// post sends a body as it is and returns the status and what was answered.
func (rc *receiving) post(t *testing.T, path string, header http.Header, body io.Reader) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, rc.server.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	response, err := rc.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

// deliver sends a notice, signed with secret at a time.
func (rc *receiving) deliver(t *testing.T, n payment.Notice, secret string, at time.Time) (status int, answer string) {
	t.Helper()
	body, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	header.Set("Acme-Time", strconv.FormatInt(at.Unix(), 10))
	header.Set("Acme-Signature", acme{secret}.sign(at.Unix(), body))
	return rc.post(t, "/webhooks/acme", header, strings.NewReader(string(body)))
}

func TestReceiver(t *testing.T) {
	t.Parallel()
	rc := serve(t)
	notice := payment.Notice{EventID: "evt_1", Type: "charge.captured", PaymentID: id.New[id.Payment](), Reference: "ch_1"}

	t.Run("OK", func(t *testing.T) {
		if status, answer := rc.deliver(t, notice, "secret", now); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
		if r := rc.row(t, "evt_1"); r.Status != webhookinbox.Pending || rc.stored.Load() != 1 {
			t.Errorf("%+v, told of it %d times", r, rc.stored.Load())
		}
	})
	t.Run("OKDuplicate", func(t *testing.T) {
		if status, _ := rc.deliver(t, notice, "secret", now.Add(time.Minute)); status != 200 {
			t.Error(status)
		}
		if rc.rows(t) != 1 || rc.stored.Load() != 1 || rc.counts.Accepted.Load() != 1 || rc.counts.Duplicate.Load() != 1 {
			t.Errorf("%d rows, accepted %d, duplicate %d", rc.rows(t), rc.counts.Accepted.Load(), rc.counts.Duplicate.Load())
		}
	})
	t.Run("OKKeepsOnlyWhatIsNeeded", func(t *testing.T) {
		var text string
		if err := rc.db.GetContext(t.Context(), &text, `SELECT row_to_json(i)::text FROM webhook_inbox i`); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "ch_1") || strings.Contains(text, "EventID") {
			t.Error(text)
		}
	})
	before := rc.rows(t)
	refused := rc.counts.Refused.Load()
	for name, c := range map[string]struct {
		notice payment.Notice
		secret string
		at     time.Time
		reason string
	}{
		"ErrForged":      {payment.Notice{EventID: "evt_2"}, "guess", now, "signature does not match"},
		"ErrOld":         {payment.Notice{EventID: "evt_2"}, "secret", now.Add(-6 * time.Minute), "too old"},
		"ErrFuture":      {payment.Notice{EventID: "evt_2"}, "secret", now.Add(6 * time.Minute), "too old"},
		"ErrReplayedOld": {notice, "secret", now.Add(-time.Hour), "too old"},
		"ErrNoEventID":   {payment.Notice{}, "secret", now, "no event id"},
		"ErrLongEventID": {payment.Notice{EventID: strings.Repeat("x", 256)}, "secret", now, "too long"},
		"ErrNullByte":    {payment.Notice{EventID: "evt\x00"}, "secret", now, "control characters"},
	} {
		refused++
		t.Run(name, func(t *testing.T) {
			status, answer := rc.deliver(t, c.notice, c.secret, c.at)
			if status != 400 || !strings.Contains(answer, c.reason) || !json.Valid([]byte(answer)) {
				t.Errorf("%d %s", status, answer)
			}
		})
	}
	if rc.rows(t) != before || rc.counts.Refused.Load() != refused {
		t.Errorf("%d rows became %d; %d refused, want %d", before, rc.rows(t), rc.counts.Refused.Load(), refused)
	}
	t.Run("ErrUnknownProvider", func(t *testing.T) {
		if status, answer := rc.post(t, "/webhooks/evil", nil, strings.NewReader("{}")); status != 404 || !json.Valid([]byte(answer)) {
			t.Errorf("%d %s", status, answer)
		}
	})
	t.Run("ErrMethod", func(t *testing.T) {
		response, err := rc.server.Client().Get(rc.server.URL + "/webhooks/acme")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != 405 || response.Header.Get("Allow") != "POST" {
			t.Error(response.Status)
		}
	})
	t.Run("ErrTooLarge", func(t *testing.T) {
		large := strings.Repeat("x", 256<<10+1)
		if status, _ := rc.post(t, "/webhooks/acme", nil, strings.NewReader(large)); status != 413 {
			t.Errorf("with its length: %d", status)
		}
		if status, _ := rc.post(t, "/webhooks/acme", nil, struct{ io.Reader }{strings.NewReader(large)}); status != 413 {
			t.Errorf("chunked: %d", status)
		}
	})
}

// What is forged costs the database nothing, however much of it comes, and the log little; bodies are in neither.
func TestReceiverForgedCostsNothing(t *testing.T) {
	t.Parallel()
	rc := serve(t)
	if err := rc.db.Worker.Close(); err != nil { // every query fails
		t.Fatal(err)
	}
	for range 200 {
		if status, _ := rc.deliver(t, payment.Notice{EventID: "4242424242424242"}, "guess", now); status != 400 {
			t.Fatal(status)
		}
	}
	if n := strings.Count(rc.log.String(), "webhook refused"); n != 5 || rc.counts.Refused.Load() != 200 {
		t.Errorf("%d lines, %d counted", n, rc.counts.Refused.Load())
	}
	if strings.Contains(rc.log.String(), "4242424242424242") {
		t.Error("the body is in the log")
	}
	t.Run("ErrUnavailable", func(t *testing.T) {
		status, answer := rc.deliver(t, payment.Notice{EventID: "evt_1"}, "secret", now)
		if status != 503 || rc.counts.Unavailable.Load() != 1 || rc.stored.Load() != 0 {
			t.Errorf("%d %s", status, answer)
		}
	})
}

// The same event from many connections at once is one row, and all are answered.
func TestReceiverConcurrentDuplicates(t *testing.T) {
	t.Parallel()
	rc := serve(t)
	const n = 30
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if status, answer := rc.deliver(t, payment.Notice{EventID: "evt_1"}, "secret", now); status != 200 {
				t.Errorf("%d %s", status, answer)
			}
		})
	}
	wg.Wait()
	if rc.rows(t) != 1 || rc.counts.Accepted.Load() != 1 || rc.counts.Duplicate.Load() != n-1 {
		t.Errorf("%d rows, accepted %d, duplicate %d", rc.rows(t), rc.counts.Accepted.Load(), rc.counts.Duplicate.Load())
	}
}
