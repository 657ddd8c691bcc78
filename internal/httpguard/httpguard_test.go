package httpguard_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/httpguard"
	"github.com/orderwire/orderwire/internal/requestid"
)

// buffer collects the log of several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// setup serves next behind a guard that listens on loopback, as 10.1.2.3, with shop.example as another host and
// https://partner.example as a foreign origin.
func setup(t *testing.T, next http.HandlerFunc) (*httptest.Server, *buffer) {
	t.Helper()
	log := &buffer{}
	g, err := httpguard.New(httpguard.Config{
		Addr:           "Orders.internal:8080",
		AllowedHosts:   []string{"Shop.example", "2001:db8::1"},
		AllowedOrigins: []string{"https://Partner.example:443", "http://localhost:5173", "https://*.Previews.example", "capacitor://localhost"},
		AllowedHeaders: []string{"X-Client-Build"},
		Logger:         slog.New(requestid.LogHandler(slog.NewTextHandler(log, nil))),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g.Middleware(next))
	t.Cleanup(server.Close)
	return server, log
}

// answer is a response with its body.
type answer struct {
	StatusCode int
	Header     http.Header
}

func do(t *testing.T, server *httptest.Server, method, host string, header http.Header) (answer, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header}, string(body)
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "through") }

func TestHost(t *testing.T) {
	t.Parallel()
	server, _ := setup(t, ok)
	for host, want := range map[string]int{
		"":                         200, // 127.0.0.1 and a port
		"localhost":                200,
		"LocalHost:8080":           200,
		"localhost.:8080":          200,
		"shop.localhost":           200,
		"127.8.9.1":                200,
		"[::1]:8080":               200,
		"[::1]":                    200,
		"shop.example":             200,
		"SHOP.EXAMPLE:443":         200,
		"[2001:db8::1]:80":         200,
		"[2001:DB8:0::1]":          200,
		"orders.internal":          200,
		"evil.example":             421,
		"evil.example:8080":        421,
		"shop.example.evil.com":    421,
		"evil-shop.example":        421,
		"localhost.evil.example":   421,
		"127.0.0.1.evil.example":   421,
		"10.1.2.3":                 421,
		"[2001:db8::2]":            421,
		"notlocalhost":             421,
		"0.0.0.0":                  421,
		"127.0.0.1@evil.example":   421,
		"2130706433":               421, // 127.0.0.1 as a number, which only some clients read so
		"[::ffff:10.1.2.3]:8080":   421,
		"orders.internal.evil.com": 421,
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			response, body := do(t, server, http.MethodGet, host, nil)
			if response.StatusCode != want || (body == "through") != (want == 200) {
				t.Errorf("%d %q, want %d", response.StatusCode, body, want)
			}
			if want == 421 && !strings.Contains(body, "ALLOWED_HOSTS") {
				t.Errorf("%q does not say what to do", body)
			}
		})
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	server, _ := setup(t, ok)
	own := strings.TrimPrefix(server.URL, "http://")
	for _, c := range []struct {
		name, host string
		origins    []string
		want       int
	}{
		{"none: not a browser", "", nil, 200},
		{"own", "", []string{server.URL}, 200},
		{"own behind TLS", "shop.example", []string{"https://shop.example"}, 200},
		{"own with the default port", "shop.example:443", []string{"https://shop.example"}, 200},
		{"own in other case", "SHOP.example", []string{"https://shop.example"}, 200},
		{"listed", "", []string{"https://partner.example"}, 200},
		{"listed with port", "", []string{"http://localhost:5173"}, 200},
		{"one label below a wildcard", "", []string{"https://pr-7.previews.example"}, 200},
		{"an app's page", "", []string{"capacitor://localhost"}, 200},
		{"ErrAppsOther", "", []string{"ionic://localhost"}, 403},
		{"ErrAppsHost", "", []string{"capacitor://evil"}, 403},
		{"ErrWildcardsParent", "", []string{"https://previews.example"}, 403},
		{"ErrTwoLabelsBelowAWildcard", "", []string{"https://a.b.previews.example"}, 403},
		{"ErrNoLabelBelowAWildcard", "", []string{"https://.previews.example"}, 403},
		{"ErrWildcardItself", "", []string{"https://*.previews.example"}, 403},
		{"ErrWildcardOtherScheme", "", []string{"http://a.previews.example"}, 403},
		{"ErrWildcardOtherPort", "", []string{"https://a.previews.example:8443"}, 403},
		{"ErrWildcardSuffix", "", []string{"https://a.previews.example.evil.example"}, 403},
		{"ErrWildcardPrefix", "", []string{"https://a.evilpreviews.example"}, 403},
		{"ErrWildcardUser", "", []string{"https://evil.example@a.previews.example"}, 403},
		{"ErrWildcardPath", "", []string{"https://evil.example/.previews.example"}, 403},
		{"ErrForeign", "", []string{"https://evil.example"}, 403},
		{"ErrOtherPort", "", []string{"http://127.0.0.1:1"}, 403},
		{"ErrOtherAllowedHost", "", []string{"https://shop.example"}, 403},
		{"ErrListedHostOtherScheme", "", []string{"http://partner.example"}, 403},
		{"ErrListedHostOtherPort", "", []string{"https://partner.example:8443"}, 403},
		{"ErrSuffix", "", []string{"https://partner.example.evil.example"}, 403},
		{"ErrPrefix", "", []string{"https://evilpartner.example"}, 403},
		{"ErrNull", "", []string{"null"}, 403},
		{"ErrEmpty", "", []string{""}, 403},
		{"ErrNoScheme", "", []string{own}, 403},
		{"ErrOtherScheme", "", []string{"file://" + own}, 403},
		{"ErrTwo", "", []string{server.URL, "https://evil.example"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			response, body := do(t, server, http.MethodPost, c.host, http.Header{"Origin": c.origins})
			if response.StatusCode != c.want || (body == "through") != (c.want == 200) {
				t.Errorf("%d %q, want %d", response.StatusCode, body, c.want)
			}
			if c.want == 403 && !strings.Contains(body, "ALLOWED_ORIGINS") {
				t.Errorf("%q does not say what to do", body)
			}
		})
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	server, _ := setup(t, ok)
	preflight := http.Header{"Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization,content-type"}}

	t.Run("listed origin may read", func(t *testing.T) {
		t.Parallel()
		response, body := do(t, server, http.MethodPost, "", http.Header{"Origin": {"https://partner.example"}})
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != "https://partner.example" || body != "through" {
			t.Errorf("Access-Control-Allow-Origin = %q, body %q", got, body)
		}
		if got := response.Header.Get("Access-Control-Allow-Credentials"); got != "" {
			t.Errorf("credentials are allowed: %q", got)
		}
		if got := response.Header.Get("Vary"); !strings.Contains(got, "Origin") {
			t.Errorf("Vary = %q: a cache may give this to another origin", got)
		}
	})
	t.Run("preflight is answered", func(t *testing.T) {
		t.Parallel()
		header := preflight.Clone()
		header.Set("Origin", "https://partner.example")
		response, body := do(t, server, http.MethodOptions, "", header)
		if response.StatusCode != 204 || body != "" {
			t.Errorf("%d %q", response.StatusCode, body)
		}
		allowed := strings.Split(response.Header.Get("Access-Control-Allow-Headers"), ", ")
		for _, name := range []string{
			"authorization", "content-type", "idempotency-key", "last-event-id", "graphql-cost", "x-request-id", "traceparent",
			"tracestate", "baggage", "sentry-trace", "apollographql-client-name", "apollographql-client-version",
			"x-apollo-operation-name", "apollo-require-preflight", "x-client-build",
		} {
			if !slices.Contains(allowed, name) {
				t.Errorf("%s is not allowed", name)
			}
		}
		if got := response.Header.Get("Access-Control-Max-Age"); got != "7200" {
			t.Errorf("Access-Control-Max-Age = %q", got)
		}
	})
	t.Run("ErrForeignPreflight", func(t *testing.T) {
		t.Parallel()
		header := preflight.Clone()
		header.Set("Origin", "https://evil.example")
		response, _ := do(t, server, http.MethodOptions, "", header)
		if response.StatusCode != 403 || response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%d %v", response.StatusCode, response.Header)
		}
	})
	t.Run("own origin needs no headers", func(t *testing.T) {
		t.Parallel()
		response, _ := do(t, server, http.MethodPost, "", http.Header{"Origin": {server.URL}})
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("Access-Control-Allow-Origin = %q", got)
		}
	})
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	inside := make(chan string, 2)
	server, _ := setup(t, func(_ http.ResponseWriter, r *http.Request) { inside <- requestid.FromContext(r.Context()) })

	response, _ := do(t, server, http.MethodGet, "", nil)
	requestID := response.Header.Get("X-Request-Id")
	if requestID == "" || requestID != <-inside {
		t.Errorf("X-Request-Id = %q: want the one of the context", requestID)
	}
	for given, taken := range map[string]bool{
		"f4c1d0e2-6f0e-4b8a-9d5a-0123456789ab": true, "Root-1.2_3": true, strings.Repeat("x", 64): true,
		strings.Repeat("x", 65): false, "two words": false, "a\u00e9": false, "x=1": false, "": false,
	} {
		response, _ := do(t, server, http.MethodGet, "", http.Header{"X-Request-Id": {given}})
		if got := response.Header.Get("X-Request-Id"); got != <-inside || got == "" || (got == given) != taken {
			t.Errorf("given %q: X-Request-Id = %q", given, got)
		}
	}
	response, _ = do(t, server, http.MethodGet, "", http.Header{"X-Request-Id": {"one", "two"}})
	if got := response.Header.Get("X-Request-Id"); got != <-inside || got == "one" || got == "two" {
		t.Errorf("given two: X-Request-Id = %q", got)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": httpguard.ContentSecurityPolicy,
		"Referrer-Policy":         "same-origin",
		"X-Frame-Options":         "DENY",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if refused, _ := do(t, server, http.MethodGet, "evil.example", nil); refused.Header.Get("X-Request-Id") == "" {
		t.Error("a refusal has no request id")
	}
}

func TestPoliciesAllowNoInlineScript(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{httpguard.ContentSecurityPolicy, httpguard.PlaygroundContentSecurityPolicy} {
		for _, must := range []string{"default-src 'self'", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, must) {
				t.Errorf("%q lacks %s", policy, must)
			}
		}
		if strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe-eval") || strings.Contains(policy, "*") {
			t.Errorf("%q lets more than our own scripts in", policy)
		}
	}
}

func TestPanicIsContained(t *testing.T) {
	t.Parallel()
	server, log := setup(t, func(http.ResponseWriter, *http.Request) { panic("the secret detail") })
	response, body := do(t, server, http.MethodPost, "", nil)

	var got struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code, RequestID string }
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Errors) != 1 {
		t.Fatalf("%d %s: %v", response.StatusCode, body, err)
	}
	requestID := response.Header.Get("X-Request-Id")
	if e := got.Errors[0]; response.StatusCode != 500 || e.Extensions.Code != "INTERNAL" || e.Extensions.RequestID != requestID {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	if strings.Contains(body, "secret") {
		t.Errorf("the client sees the panic: %s", body)
	}
	if l := log.String(); !strings.Contains(l, "the secret detail") || !strings.Contains(l, requestID) || !strings.Contains(l, "httpguard_test.go") {
		t.Errorf("the log lacks the panic, the request id or the stack: %s", l)
	}
	if again, _ := do(t, server, http.MethodPost, "", nil); again.StatusCode != 500 {
		t.Error("the server did not survive")
	}
}

func TestPanicAfterTheFirstByteBreaksTheConnection(t *testing.T) {
	t.Parallel()
	server, log := setup(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, `{"data":`)
		_ = http.NewResponseController(w).Flush()
		panic("halfway")
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("half an answer looks whole: %q", body)
	}
	if !strings.Contains(log.String(), "halfway") {
		t.Error("the panic is not in the log")
	}
}

func TestWebsocket(t *testing.T) {
	t.Parallel()
	g, err := httpguard.New(httpguard.Config{Addr: "127.0.0.1:8080", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	upgrader := websocket.Upgrader{CheckOrigin: g.CheckOrigin}
	server := httptest.NewServer(g.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.WriteMessage(websocket.TextMessage, []byte("hello"))
	})))
	t.Cleanup(server.Close)
	url := "ws" + strings.TrimPrefix(server.URL, "http")

	conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), url, http.Header{"Origin": {server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	defer func() { _ = conn.Close() }()
	if _, message, err := conn.ReadMessage(); err != nil || string(message) != "hello" {
		t.Errorf("got %q, %v through the guard", message, err)
	}
	refused, response, err := websocket.DefaultDialer.DialContext(t.Context(), url, http.Header{"Origin": {"https://evil.example"}})
	if err == nil {
		_ = refused.Close()
		t.Fatal("a foreign page may open a websocket")
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != 403 {
		t.Errorf("status %d, want 403", response.StatusCode)
	}
}
