package ratelimit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

// clock is set by the test.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func setup(cfg Config) (*Limits, *clock) {
	c := &clock{time.Date(2026, 11, 5, 14, 0, 0, 0, time.UTC)}
	cfg.Address = func(r *http.Request) string { return r.RemoteAddr }
	return newLimits(cfg, c.now), c
}

// request sends a request of an address through Middleware and runs handle with its context.
func request(l *Limits, address string, handle func(ctx context.Context)) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/graphql", http.NoBody)
	r.RemoteAddr = address
	l.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { handle(r.Context()) })).ServeHTTP(w, r)
	return w
}

func as(ctx context.Context, customerID id.Customer) context.Context {
	return auth.NewContext(ctx, auth.Principal{CustomerID: customerID, Role: auth.RoleCustomer})
}

// limited checks that an error is RATE_LIMITED and says when to try again.
func limited(t *testing.T, err error, after int) {
	t.Helper()
	if got, ok := fault.RetryAfter(err); fault.CodeOf(err) != fault.RateLimited || !ok || got != after {
		t.Errorf("%v after %d s, want %s after %d", err, got, fault.RateLimited, after)
	}
}

func TestPerAddress(t *testing.T) {
	t.Parallel()
	l, c := setup(Config{PerAddress: 3})
	through := 0
	for range 4 {
		request(l, "1.2.3.4", func(ctx context.Context) {
			through++
			if err := l.Operation(ctx); err != nil {
				t.Errorf("a request's own operation counts again: %v", err)
			}
		})
	}
	if through != 3 {
		t.Errorf("%d of 4 requests at once got through, want 3", through)
	}
	w := request(l, "1.2.3.4", func(context.Context) { t.Error("got through") })
	var body struct {
		Errors []struct {
			Extensions struct {
				Code       string
				RetryAfter int
			}
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 429 || w.Header().Get("Retry-After") != "1" ||
		body.Errors[0].Extensions.Code != "RATE_LIMITED" || body.Errors[0].Extensions.RetryAfter != 1 {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	request(l, "5.6.7.8", func(context.Context) { through++ })
	c.Time = c.Add(334 * time.Millisecond)
	request(l, "1.2.3.4", func(context.Context) { through++ })
	if through != 5 {
		t.Errorf("%d, want another address and one a third of a second later to get through", through)
	}
}

// A websocket is one request with many operations.
func TestPerAddressOnAWebsocket(t *testing.T) {
	t.Parallel()
	l, _ := setup(Config{PerAddress: 3})
	request(l, "1.2.3.4", func(ctx context.Context) {
		for i := range 3 {
			if err := l.Operation(ctx); err != nil {
				t.Errorf("operation %d: %v", i, err)
			}
		}
		limited(t, l.Operation(ctx), 1)
	})
}

func TestPerUser(t *testing.T) {
	t.Parallel()
	l, c := setup(Config{PerUser: 2})
	ada, bob := as(t.Context(), id.New[id.Customer]()), as(t.Context(), id.New[id.Customer]())
	for _, ctx := range []context.Context{ada, bob, t.Context()} {
		for range 2 {
			if err := l.Operation(ctx); err != nil {
				t.Error(err)
			}
		}
	}
	limited(t, l.Operation(ada), 1)
	if err := l.Operation(t.Context()); err != nil {
		t.Errorf("nobody is no user: %v", err)
	}
	c.Time = c.Add(500 * time.Millisecond)
	if err := l.Operation(ada); err != nil {
		t.Error(err)
	}
}

// A forger reaches the limit. Others at its address are asked to try again later, and legitimate requests are never counted.
func TestRefusals(t *testing.T) {
	t.Parallel()
	l, c := setup(Config{PerAddress: 3})
	status := http.StatusOK
	handled := 0
	h := l.Refusals(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		handled++
		w.WriteHeader(status)
	}))
	send := func(address string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/webhooks/acme", http.NoBody)
		r.RemoteAddr = address
		h.ServeHTTP(w, r)
		return w
	}
	for _, right := range []int{http.StatusOK, http.StatusServiceUnavailable} {
		status = right
		for range 100 {
			if w := send("1.2.3.4"); w.Code != right {
				t.Fatalf("a burst is %d", w.Code)
			}
		}
	}
	status = http.StatusBadRequest
	handled = 0
	for range 10 {
		send("1.2.3.4")
	}
	w := send("1.2.3.4")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || handled != 3 {
		t.Errorf("%d forged were looked at; then %d, Retry-After %q", handled, w.Code, w.Header().Get("Retry-After"))
	}
	status = http.StatusOK
	if w := send("5.6.7.8"); w.Code != http.StatusOK {
		t.Errorf("another address: %d", w.Code)
	}
	c.Time = c.Add(time.Second)
	if w := send("1.2.3.4"); w.Code != http.StatusOK {
		t.Errorf("a second later: %d", w.Code)
	}
}

func TestCost(t *testing.T) {
	t.Parallel()
	l, c := setup(Config{CostPerUser: 100})
	ada := as(t.Context(), id.New[id.Customer]())
	for _, cost := range []int{0, 60, 40} {
		if err := l.Execution(ada, cost); err != nil {
			t.Error(err)
		}
	}
	limited(t, l.Execution(ada, 10), 1)
	if err := l.Execution(as(t.Context(), id.New[id.Customer]()), 10_000); err != nil {
		t.Errorf("dearer than a second's worth, with all of it left: %v", err)
	}
	c.Time = c.Add(500 * time.Millisecond)
	limited(t, l.Execution(ada, 10_000), 1)
	if err := l.Execution(ada, 50); err != nil {
		t.Errorf("what was refused cost something: %v", err)
	}
	request(l, "1.2.3.4", func(ctx context.Context) {
		if err := l.Execution(ctx, 100); err != nil {
			t.Error(err)
		}
		limited(t, l.Execution(ctx, 1), 1)
	})
	request(l, "5.6.7.8", func(ctx context.Context) {
		if err := l.Execution(ctx, 100); err != nil {
			t.Errorf("another address: %v", err)
		}
	})
}

// A source is the same for all requests of an address and one key, and cannot be reversed without the key.
func TestSource(t *testing.T) {
	t.Parallel()
	of := func(key, address string) (source uuid.UUID) {
		l, _ := setup(Config{SourceKey: []byte(key)})
		request(l, address, func(ctx context.Context) { source = l.Source(CopyPeer(t.Context(), ctx)) })
		return source
	}
	a := of("k", "1.2.3.4")
	if a == uuid.Nil || of("k", "1.2.3.4") != a || of("k", "1.2.3.5") == a || of("l", "1.2.3.4") == a {
		t.Errorf("%s", a)
	}
	l, _ := setup(Config{SourceKey: []byte("k")})
	if of("", "1.2.3.4") != uuid.Nil || l.Source(t.Context()) != uuid.Nil {
		t.Error("a source without a key, or without a request")
	}
}

func TestOff(t *testing.T) {
	t.Parallel()
	l, _ := setup(Config{})
	for _, l := range []*Limits{l, nil} {
		for range 1000 {
			for _, err := range []error{l.Operation(t.Context()), l.Execution(t.Context(), 1<<40), l.Order(as(t.Context(), id.New[id.Customer]()))} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Strangers with ever new addresses do not grow the memory, and a returning address is still known.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	l, _ := setup(Config{PerAddress: 1})
	for i := range 80_000 {
		l.address.take(fmt.Sprintf("2001:db8:%x:%x::/64", i>>16, i&0xffff), 1)
	}
	if size := l.address.known.Size(); size > memory {
		t.Errorf("%d bytes, at most %d wanted", size, memory)
	}
	if _, ok := l.address.take(fmt.Sprintf("2001:db8:%x:%x::/64", 79_999>>16, 79_999&0xffff), 1); ok {
		t.Error("the one who came last was forgotten")
	}
}
