package stripe_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// A failure that Stripe remembers under the key is the answer until the key is pruned. A fresh key ends it, and each step has its own.
func TestErrorRemembered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fake.Stop(time.Unix(1_800_000_000, 0))
	b.fake.Fail("create", fakestripe.ErrorRemembered)
	call := authorization(fakestripe.Visa, payment.CaptureAutomatic)
	for range 3 {
		expectSpent(t)(b.Authorize(t.Context(), call))
	}
	b.fake.Advance(24*time.Hour - time.Second)
	expectSpent(t)(b.Authorize(t.Context(), call))
	fresh := call
	fresh.FreshKeys++
	b.authorize(t, fresh, payment.Captured)

	// https://docs.stripe.com/api/idempotent_requests: "We generate a new request if a key is reused after the original is pruned."
	b.fake.Advance(time.Second)
	again := b.prepare(t, call)
	if n := len(b.fake.Intents()); n != 2 || again.Reference == fresh.Reference {
		t.Errorf("%d PaymentIntents", n)
	}
}

// What Stripe says of a failure tells whether its key is spent: https://docs.stripe.com/error-low-level, https://docs.stripe.com/api/idempotent_requests.
func TestSpentKeys(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status          int
		retry, replayed string
		spent           bool
	}{
		"500":                      {500, "", "", true},
		"500 to be retried":        {500, "true", "", false},
		"500 not to be retried":    {500, "false", "", true},
		"500 from memory":          {500, "true", "true", true},
		"503":                      {503, "", "", false},
		"503 not to be retried":    {503, "false", "", true},
		"503 from memory":          {503, "", "true", true},
		"409 to be retried":        {409, "true", "", false},
		"429 from memory":          {429, "", "true", false},
		"a refusal, to be retried": {400, "true", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for header, value := range map[string]string{"Stripe-Should-Retry": tt.retry, "Idempotent-Replayed": tt.replayed} {
					if value != "" {
						w.Header().Set(header, value)
					}
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","message":"for people"}}`)
			}))
			defer server.Close()
			gateway, err := stripe.New(stripe.Options{SecretKey: secretKey, APIBase: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			call := authorization(fakestripe.Visa, payment.CaptureAutomatic)
			if tt.spent {
				expectSpent(t)(gateway.Authorize(t.Context(), call))
			} else {
				expectUndecided(t)(gateway.Authorize(t.Context(), call))
			}
		})
	}
}

// The keys that attempts of earlier versions have used stay the same, and no two steps or numbers share one.
func TestKeys(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var keys []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	server.Config.SetKeepAlivesEnabled(false)
	gateway, err := stripe.New(stripe.Options{SecretKey: secretKey, APIBase: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	call := authorization(fakestripe.Visa, payment.CaptureAutomatic)
	key := call.Key.String()
	for _, call.FreshKeys = range []int{0, 1, 12} {
		call.Reference = ""
		_, _ = gateway.Authorize(t.Context(), call)
		call.Reference = "pi_1"
		for _, do := range []func(context.Context, payment.Call) (payment.Result, error){gateway.Authorize, gateway.Capture, gateway.Void, gateway.Refund} {
			_, _ = do(t.Context(), call)
		}
	}
	want := []string{
		key + ":create-2", key + ":confirm", key + ":capture", key + ":cancel", key + ":refund",
		key + ":create-2:1", key + ":confirm:1", key + ":capture:1", key + ":cancel:1", key + ":refund:1",
		key + ":create-2:12", key + ":confirm:12", key + ":capture:12", key + ":cancel:12", key + ":refund:12",
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(keys, want) {
		t.Errorf("keys %q", keys)
	}
}

// A request whose first try is still under way is told so, and moves nothing. https://docs.stripe.com/error-low-level
func TestKeyUnderWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.prepare(t, authorization(fakestripe.Visa, payment.CaptureAutomatic))
	b.fake.Fail("confirm", fakestripe.HangAfter)
	ctx, hangUp := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := b.Authorize(ctx, call)
		first <- err
	}()
	<-b.fake.Hung()
	expectUndecided(t)(b.Authorize(t.Context(), call))
	expect(t, payment.Captured)(b.LookUp(t.Context(), call))
	hangUp()
	if err := <-first; err == nil {
		t.Error("it was answered")
	}
	if i := b.ledger(t, call.Reference); i.Captured != 1250 {
		t.Errorf("ledger %+v", i)
	}
}

// Half an hour without Stripe, however it is down: nothing is decided, and nothing is charged twice afterwards.
func TestDown(t *testing.T) {
	t.Parallel()
	for _, fault := range []fakestripe.Fault{fakestripe.DropBefore, fakestripe.Unavailable, fakestripe.BadGateway, fakestripe.RateLimited} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fake.Stop(time.Unix(1_800_000_000, 0))
			call := b.prepare(t, authorization(fakestripe.Visa, payment.CaptureAutomatic))
			b.fake.GoDown(fault, 30*time.Minute)
			for range 6 {
				expectUndecided(t)(b.Authorize(t.Context(), call))
				expectUndecided(t)(b.LookUp(t.Context(), call))
				b.fake.Advance(5 * time.Minute)
			}
			expect(t, payment.Captured)(b.Authorize(t.Context(), call))
			if i := b.ledger(t, call.Reference); i.Captured != 1250 {
				t.Errorf("ledger %+v", i)
			}
		})
	}
}
