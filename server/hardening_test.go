package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// reply is an answer whose body was read.
type reply struct {
	StatusCode int
	Status     string
	Header     http.Header
}

// get asks under a host name.
func get(t *testing.T, address, path, host string) (reply, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Status, response.Header}, string(body)
}

// DNS rebinding gets nowhere, on no path: neither the API's nor the operators'.
func TestHostOnEveryPath(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "ADMIN_ADDR=127.0.0.1:0", "PPROF=on", "ALLOWED_HOSTS=shop.example")
	admin := app.admin.listener.Addr().String()
	for address, paths := range map[string][]string{
		app.address.Addr().String(): {
			"/", "/order/x", "/board", "/playground", "/schema.graphql", "/graphql?query={__typename}", "/healthz", "/readyz",
			"/dev/token", "/assets/x.js", "/webhooks/simulated", "/nothing",
		},
		admin: {"/metrics", "/debug/pprof/", "/debug/pprof/cmdline", "/nothing"},
	} {
		for _, path := range paths {
			if response, _ := get(t, address, path, "evil.example"); response.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("%s under another name: %s", path, response.Status)
			}
			response, _ := get(t, address, path, "shop.example")
			if response.StatusCode == http.StatusMisdirectedRequest {
				t.Errorf("%s under an allowed name: %s", path, response.Status)
			}
			if h := response.Header; h.Get("Content-Security-Policy") == "" || h.Get("X-Content-Type-Options") != "nosniff" ||
				h.Get("X-Frame-Options") != "DENY" || h.Get("X-Request-Id") == "" {
				t.Errorf("%s lacks security headers: %v", path, h)
			}
		}
	}
	for _, address := range []string{app.address.Addr().String(), admin} {
		if answer := optionsOfAll(t, address, "evil.example"); !strings.HasPrefix(answer, "HTTP/1.1 421 ") {
			t.Errorf("OPTIONS * under another name: %.40q", answer)
		}
	}
	if response, body := get(t, admin, "/debug/pprof/goroutine?debug=1", "localhost"); response.StatusCode != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("profile: %s", response.Status)
	}
	quiet := startApp(t, postgrestest.URL(t), "ADMIN_ADDR=127.0.0.1:0")
	if response, _ := get(t, quiet.admin.listener.Addr().String(), "/debug/pprof/", "localhost"); response.StatusCode != 404 {
		t.Errorf("profiles that nobody switched on: %s", response.Status)
	}
	if response, _ := get(t, app.address.Addr().String(), "/debug/pprof/", "localhost"); response.StatusCode != 404 {
		t.Errorf("profiles where the public is: %s", response.Status)
	}
}

// optionsOfAll sends OPTIONS *, which net/http answers by itself unless it is told not to.
func optionsOfAll(t *testing.T, address, host string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "OPTIONS * HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// Handshakes that fail are as many as strangers like, and so are the lines that net/http has for them.
func TestServerLogIsBounded(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	logger := slog.NewLogLogger(newBoundedLog(slog.NewTextHandler(log, nil)), slog.LevelWarn)
	for range 1000 {
		logger.Print("http: TLS handshake error from 203.0.113.9:1: EOF")
	}
	if lines := strings.Count(log.String(), "\n"); lines < 5 || lines > 500 { // 5 a second, however long this takes
		t.Errorf("%d lines of 1000 were logged", lines)
	}
}

// Clients that send their request byte by byte (slowloris), a body that never ends or endless headers lose their
// connections, and others are served meanwhile.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t))
	address := app.address.Addr().String()
	var slow []net.Conn
	for range 100 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: %s\r\nX-Slow: ", address); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
	}
	if response, _ := get(t, address, "/healthz", address); response.StatusCode != 200 {
		t.Errorf("others meanwhile: %s", response.Status)
	}
	for _, conn := range slow {
		// Far longer than the server's timeout; who waits for it in vain fails.
		if err := conn.SetReadDeadline(time.Now().Add(eventually.Patience)); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || bytes.Contains(answer, []byte("200 OK")) {
			t.Fatalf("a connection that sends nothing is kept: %q, %v", answer, err)
		}
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() { // the server stops reading long before
		_, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nX-Long: %s\r\n\r\n", address, strings.Repeat("x", 1<<20))
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a megabyte of header: %s", response.Status)
	}
}

// Connections that ask for nothing, from one address, leave the server to others: each held a descriptor for two minutes, and with
// all of them taken nobody was served and the database could not be reached.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	const limit = 5
	app := startApp(t, postgrestest.URL(t), fmt.Sprint("MAX_CONNECTIONS_PER_ADDRESS=", limit), "ADMIN_ADDR=127.0.0.1:0")
	for address, held := range map[string]int{app.address.Addr().String(): limit, app.admin.listener.Addr().String(): 100} {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.7")}}
		var first net.Conn
		for i := range held + 1 {
			conn, err := dialer.DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(eventually.Patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(conn, "HEAD /nothing HTTP/1.1\r\nHost: %s\r\n\r\n", address); err != nil {
				t.Fatal(err)
			}
			if i == held {
				break
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodHead})
			if err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
			_ = response.Body.Close()
			if first == nil {
				first = conn
			}
		}
		if n, err := first.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the first connection is open: %d, %v", n, err)
		}
		get(t, address, "/healthz", address) // which fails if another address is not served
	}
}

// lockedBuffer is a log that many write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Whatever a client sends and whatever goes wrong: no token, no payment method, no card number, no password gets into the
// log, not even at the level of debugging.
func TestLogTellsNoSecrets(t *testing.T) {
	t.Parallel()
	const (
		payment = "sim_approve_0123456789abcdef"
		card    = "4242424242424242"
		forged  = "eyJhbGciOiJIUzI1NiJ9.Zm9yZ2VkLXRva2Vu.c2lnbmF0dXJl"
	)
	databaseURL, err := url.Parse(postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	const password = "hunter2-of-the-database"
	databaseURL.User = url.UserPassword(databaseURL.User.Username(), password)
	log := &lockedBuffer{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg, err := config.Load([]string{"ADDR=127.0.0.1:0", "ADMIN_ADDR=", "DATABASE_URL=" + databaseURL.String(), "DATABASE_MAX_CONNS=8", "PAYMENT_STEP_DELAY=0s"}, providerSettings()...)
	if err != nil {
		t.Fatal(err)
	}
	logger.Info("starting", "settings", cfg)
	app, err := New(t.Context(), cfg, logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()

	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	const create = `mutation($p: ID!, $k: String!, $t: String!, $n: String) { orderCreate(input: {
		idempotencyKey: $k, items: [{productId: $p, quantity: 1}], paymentMethod: {token: $t}, note: $n}) { order { id } userErrors { code } } }`
	for _, variables := range []map[string]any{
		{"p": ada.productID, "k": "k1", "t": payment},
		{"p": ada.productID, "k": "k2", "t": card, "n": "my card is " + card},
		{"p": ada.productID, "k": "k3", "t": "sim_approve", "n": card},
		{"p": ada.token, "k": forged, "t": payment},
		{"p": payment},
	} {
		_ = ada.graphql(t.Context(), create, variables, new(any))
	}
	for _, body := range []string{
		`{"query":"{ ` + payment + ` }"}`, `{"query":"mutation { orderCreate(input: {paymentMethod: {token: \"` + card + `\"}})"}`,
		`not JSON ` + card, `{"query":"{ order(id: \"` + forged + `\") { id } }"}`,
	} {
		for _, token := range []string{forged, ada.token} {
			_ = (&client{url: app.URL(), token: token}).post(t.Context(), "/graphql", body, new(any))
			_ = (&client{url: app.URL(), token: token}).post(t.Context(), "/graphql?token="+forged+"&card="+card, body, new(any))
			_ = (&client{url: app.URL(), token: token}).post(t.Context(), "/dev/token", `{"user":"`+forged+`","role":"`+card+`"}`, new(any))
			_ = (&client{url: app.URL(), token: token}).post(t.Context(), "/webhooks/simulated", `{"secret":"`+card+`"}`, new(any))
		}
	}
	for _, init := range []string{forged, ada.token + "x"} {
		w := dialWire(t, app.URL())
		w.send("", "connection_init", map[string]string{"authorization": "Bearer " + init})
		w.closedWith(4403)
	}
	w := dialWire(t, app.URL()).init(ada.token)
	w.send("1", "subscribe", map[string]any{"query": `subscription { orderEvents(orderId: "` + card + `") { kind } }`})
	w.expect("error")
	w.send(forged, card, map[string]string{"authorization": forged})
	w.closedWith(4400)
	// A query that fails while the database is away names the failed query, and nothing of the connection or the arguments.
	if err := app.db.api.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_ = ada.graphql(t.Context(), create, map[string]any{"p": ada.productID, "k": "k9", "t": payment, "n": "x"}, new(any))
	}
	stop()
	<-ended
	_ = app.Close()
	for name, secret := range map[string]string{
		"token": ada.token, "its signature": ada.token[strings.LastIndexByte(ada.token, '.')+1:], "forged token": forged,
		"payment method": payment, "card number": card, "database password": password,
	} {
		if i := strings.Index(log.String(), secret); i >= 0 {
			t.Errorf("the log has the %s: …%s", name, log.String()[max(0, i-200):i+len(secret)])
		}
	}
	if !strings.Contains(log.String(), "(secret)") {
		t.Error("the log has nothing of the settings: this test sees nothing")
	}
}

// The limits hold on each transport, in its own way, and say when to come again.
func TestRateLimits(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "RATE_PER_USER=1")
	token, _ := tokenFor(t, app.URL(), "ada", "CUSTOMER", 600)
	const query = `{"query":"{ viewer { id } }"}`
	for _, accept := range []string{"application/json", "text/event-stream"} {
		for limited := false; !limited; { // soon: a second brings one, and none of these takes a second
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL()+"/graphql", strings.NewReader(query))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{"Content-Type": "application/json", "Accept": accept, "Authorization": "Bearer " + token} {
				request.Header.Set(name, value)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if limited = response.StatusCode == http.StatusTooManyRequests; limited &&
				(!strings.Contains(string(body), `"RATE_LIMITED"`) || !strings.Contains(string(body), `"retryAfter":1`) || response.Header.Get("Retry-After") != "1") {
				t.Errorf("%s: %v %s", accept, response.Header, body)
			}
		}
	}
	// On a websocket the operation ends, and the socket stays.
	w := dialWire(t, app.URL()).init(token)
	for i, limited := 0, false; !limited; i++ {
		w.send(fmt.Sprint(i), "subscribe", map[string]any{"query": `{ viewer { id } }`})
		var m wireMessage
		for m.Type != "complete" && m.Type != "error" {
			m = wireMessage{}
			if err := w.ReadJSON(&m); err != nil {
				t.Fatal(err)
			}
		}
		if limited = m.Type == "error"; limited {
			var errs []struct {
				Extensions struct {
					Code       string
					RetryAfter int
				}
			}
			if err := json.Unmarshal(m.Payload, &errs); err != nil || errs[0].Extensions.Code != "RATE_LIMITED" || errs[0].Extensions.RetryAfter != 1 {
				t.Errorf("websocket: %s, %v", m.Payload, err)
			}
		}
	}
	w.send("", "ping", nil)
	w.expect("pong")
}

// Forgers of webhooks run out of tries, each address by itself.
func TestWebhookFlood(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "RATE_PER_ADDRESS=1")
	for limited := false; !limited; { // soon: a second brings one, and none of these takes a second
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL()+"/webhooks/simulated", strings.NewReader(`{"forged":true}`))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		limited = response.StatusCode == http.StatusTooManyRequests
		if !limited && response.StatusCode != http.StatusBadRequest || limited && response.Header.Get("Retry-After") != "1" {
			t.Fatalf("%d, Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
		}
	}
}

// One limit on orders for two replicas.
func TestOrderLimitAcrossReplicas(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	const limit, replicas = 20, 2
	var clients []*user
	for range replicas {
		app := startApp(t, databaseURL, fmt.Sprintf("RATE_ORDERS_PER_USER=%d", limit), "PAYMENT_STEP_DELAY=1h")
		clients = append(clients, signedIn(t, app.URL(), "ada", "CUSTOMER"))
	}
	began := time.Now()
	var mu sync.Mutex
	placed, limited := 0, 0
	var all sync.WaitGroup
	for replica, c := range clients {
		for client := range 3 {
			all.Go(func() {
				for i := range limit {
					var answer struct {
						OrderCreate struct{ Order struct{ ID string } }
					}
					err := c.graphql(t.Context(), `mutation($p: ID!, $k: String!) {
						orderCreate(input: {idempotencyKey: $k, items: [{productId: $p, quantity: 1}]}) { order { id } } }`,
						map[string]any{"p": c.productID, "k": fmt.Sprint(replica, "-", client, "-", i)}, &answer)
					mu.Lock()
					switch {
					case err == nil:
						placed++
					case strings.Contains(err.Error(), "RATE_LIMITED"):
						limited++
					default:
						t.Error(err)
					}
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	elapsed := time.Since(began)
	most := limit + int(elapsed.Seconds()*limit/60) + replicas*(1+int(elapsed/time.Minute))*limit/10 + 1
	if placed < limit/2 || placed > most || limited == 0 {
		t.Errorf("%d placed and %d refused, want about %d and at most %d", placed, limited, limit, most)
	}
}
