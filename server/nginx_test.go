package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/debian"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// nginx is a running nginx with the configuration of docs/deployment/reverse-proxy.md.
type nginx struct {
	t          *testing.T
	plain, tls string // host:port
	process    *os.Process
	http       *http.Client // speaks HTTP/2 to it, as shop.example, from 127.0.0.1
}

// documented is the configuration that the document shows.
func documented(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/deployment/reverse-proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```nginx\n")
	conf, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatal("the document has no nginx configuration")
	}
	return conf
}

// startNginx runs the documented configuration, with addresses and certificates of this test, in front of upstream.
func startNginx(t *testing.T, upstream string) *nginx {
	t.Helper()
	program := debian.Program(t, "nginx", "nginx")
	folder := t.TempDir()
	writeCertificate(t, filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"), 1)
	n := &nginx{t: t, plain: freeAddress(t), tls: freeAddress(t)}
	conf := documented(t)
	for from, to := range map[string]string{
		"listen 80;":                "listen " + n.plain + ";",
		"listen 443 ssl http2;":     "listen " + n.tls + " ssl http2;",
		"server 127.0.0.1:8080;":    "server " + upstream + ";",
		"/etc/ssl/shop.example.pem": folder + "/cert.pem",
		"/etc/ssl/shop.example.key": folder + "/key.pem",
	} {
		if !strings.Contains(conf, from) {
			t.Fatalf("the documented configuration has no %q", from)
		}
		conf = strings.ReplaceAll(conf, from, to)
	}
	global := fmt.Sprintf("daemon off;\npid %[1]s/nginx.pid;\nevents {}\nhttp {\naccess_log off;\n", folder)
	if os.Getuid() == 0 { // the workers' account must be able to enter the test's folder
		global = "user root;\n" + global
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		global += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, folder, kind)
	}
	files := map[string]string{"nginx.conf": global + "include orderwire.conf;\n}\n", "orderwire.conf": conf}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var output bytes.Buffer
	command := exec.Command(program, "-p", folder, "-c", filepath.Join(folder, "nginx.conf"), "-e", "stderr")
	command.Stderr = &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	n.process = command.Process
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(eventually.Patience):
			_ = command.Process.Kill()
		}
		if t.Failed() {
			t.Logf("nginx said:\n%s", output.String())
		}
	})
	n.http = n.client("127.0.0.1")
	await(t.Context(), t, func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("nginx ended: %v\n%s", err, output.String())
		default:
		}
		conn, err := net.Dial("tcp", n.tls)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
	return n
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// dial connects to nginx from a local address, whatever host is asked for.
func (n *nginx) dial(from string) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, n.tls)
	}
}

var anyCertificate = &tls.Config{InsecureSkipVerify: true} // its certificate is nobody's

func (n *nginx) client(from string) *http.Client {
	transport := &http.Transport{TLSClientConfig: anyCertificate.Clone(), ForceAttemptHTTP2: true, DialContext: n.dial(from)}
	n.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// url is the site's address with the test's port.
func (n *nginx) url() string {
	_, port, _ := net.SplitHostPort(n.tls)
	return "https://shop.example:" + port
}

// proxied is an answer whose body is closed with the test.
type proxied struct {
	Status, Proto string
	StatusCode    int
	Header        http.Header
	body          io.Reader
}

// post sends a GraphQL document.
func (n *nginx) post(client *http.Client, query string, header ...string) proxied {
	n.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(n.t.Context(), 2*time.Minute) // of the answer too, which may be a stream
	n.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url()+"/graphql", bytes.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = response.Body.Close() })
	return proxied{response.Status, response.Proto, response.StatusCode, response.Header, response.Body}
}

// socket opens a websocket from a local address; status is that of a refusal.
func (n *nginx) socket(from, subprotocol string, header http.Header) (w *wire, status int) {
	n.t.Helper()
	dialer := websocket.Dialer{
		Subprotocols: []string{subprotocol}, TLSClientConfig: anyCertificate.Clone(), NetDialContext: n.dial(from), HandshakeTimeout: time.Minute,
	}
	conn, response, err := dialer.DialContext(n.t.Context(), strings.Replace(n.url(), "https", "wss", 1)+"/graphql", header)
	if err != nil {
		if response == nil {
			n.t.Fatal(err)
		}
		return nil, response.StatusCode
	}
	_ = response.Body.Close()
	if got := conn.Subprotocol(); got != subprotocol {
		n.t.Errorf("subprotocol %q, want %q", got, subprotocol)
	}
	n.t.Cleanup(func() { _ = conn.Close() })
	return &wire{t: n.t, Conn: conn}, response.StatusCode
}

// TestNginx runs what docs/deployment/reverse-proxy.md shows.
func TestNginx(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "ALLOWED_HOSTS=shop.example", "TRUSTED_PROXIES=127.0.0.1", "MAX_SOCKETS_PER_ADDRESS=20")
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	n := startNginx(t, app.address.Addr().String())
	bearer := "Bearer " + ada.token
	role := func(n *nginx, header ...string) (proxied, string) {
		n.t.Helper()
		response := n.post(n.http, "{ viewer { role } }", append([]string{"Authorization", bearer}, header...)...)
		body, err := io.ReadAll(response.body)
		if err != nil {
			n.t.Fatal(err)
		}
		return response, string(body)
	}
	in := func(t *testing.T) *nginx {
		inner := *n
		inner.t = t
		return &inner
	}

	t.Run("HTTP2WithHostAndHSTS", func(t *testing.T) {
		response, body := role(in(t), "Origin", n.url())
		if response.Proto != "HTTP/2.0" || body != `{"data":{"viewer":{"role":"CUSTOMER"}}}` {
			t.Errorf("%s %s %s", response.Proto, response.Status, body)
		}
		if got := response.Header.Values("Strict-Transport-Security"); len(got) != 1 {
			t.Errorf("Strict-Transport-Security = %q", got)
		}
		foreign, _ := role(in(t), "Origin", "https://evil.example")
		if foreign.StatusCode != http.StatusForbidden {
			t.Errorf("a foreign page: %s", foreign.Status)
		}
	})
	t.Run("ErrOtherHost", func(t *testing.T) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://evil.example/healthz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := n.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s", response.Status)
		}
	})
	t.Run("PlainIsRedirected", func(t *testing.T) {
		for _, host := range []string{"shop.example", "evil.example"} { // a cache may keep the answer for another host
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.plain+"/order/1?x=y", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = host
			response, err := (&http.Client{CheckRedirect: n.http.CheckRedirect}).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if got := response.Header.Get("Location"); response.StatusCode != http.StatusMovedPermanently || got != "https://shop.example/order/1?x=y" {
				t.Errorf("%s: %s to %s", host, response.Status, got)
			}
		}
	})
	t.Run("RequestIDs", func(t *testing.T) {
		given, _ := role(in(t), "X-Request-Id", "from-the-client")
		if got := given.Header.Get("X-Request-Id"); got != "from-the-client" {
			t.Errorf("X-Request-Id = %q", got)
		}
		made, _ := role(in(t))
		if got := made.Header.Get("X-Request-Id"); !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(got) {
			t.Errorf("X-Request-Id = %q, want nginx's", got)
		}
	})
	t.Run("LongHeaders", func(t *testing.T) {
		response, body := role(in(t), "X-Long", strings.Repeat("x", 12<<10))
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s %s", response.Status, body)
		}
	})
	t.Run("LargeBody", func(t *testing.T) {
		response := in(t).post(n.http, "{ viewer { role } } #"+strings.Repeat("x", 100<<10))
		body, _ := io.ReadAll(response.body)
		if response.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(body), "DOCUMENT_TOO_LARGE") {
			t.Errorf("%s %s; want our own refusal, not nginx's", response.Status, body)
		}
	})
	for _, c := range []struct{ subprotocol, start, next string }{
		{"graphql-transport-ws", "subscribe", "next"},
		{"graphql-ws", "start", "data"},
	} {
		t.Run("Websocket/"+c.subprotocol, func(t *testing.T) {
			socket, status := in(t).socket("127.0.0.1", c.subprotocol, http.Header{"Origin": {n.url()}})
			if socket == nil {
				t.Fatalf("status %d", status)
			}
			socket.init(ada.token)
			socket.send("1", c.start, map[string]any{"query": "{ viewer { role } }"})
			if answer := socket.expect(c.next); !strings.Contains(string(answer.Payload), "CUSTOMER") {
				t.Errorf("%s", answer.Payload)
			}
			if _, status := in(t).socket("127.0.0.1", c.subprotocol, http.Header{"Origin": {"https://evil.example"}}); status != http.StatusForbidden {
				t.Errorf("a foreign page's websocket: %d", status)
			}
		})
	}
	t.Run("EventStream", func(t *testing.T) {
		response := in(t).post(n.http, watchFeed("", "").query, "Authorization", bearer, "Accept", "text/event-stream")
		lines := bufio.NewScanner(response.body)
		until := func(text string) {
			t.Helper()
			for lines.Scan() {
				if strings.Contains(lines.Text(), text) {
					return
				}
			}
			t.Fatalf("the stream ended before %s: %v", text, lines.Err())
		}
		until(`"SNAPSHOT"`) // while the stream is open: a buffered one would wait for its end
		ada.order(t, "sim_approve")
		until(`"ORDER_CREATED"`)
	})
	t.Run("ClientAddress", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Log("only Linux has all of 127.0.0.0/8: with one address, nothing can be told apart")
			return
		}
		n := in(t)
		var open []*wire
		for len(open) < 20 {
			socket, status := n.socket("127.0.0.2", "graphql-transport-ws", nil)
			if socket == nil {
				t.Fatalf("socket %d of one address: %d", len(open)+1, status)
			}
			open = append(open, socket)
		}
		if _, status := n.socket("127.0.0.2", "graphql-transport-ws", http.Header{"X-Forwarded-For": {"192.0.2.1"}}); status != http.StatusTooManyRequests {
			t.Errorf("one more that says to be another: %d", status)
		}
		if socket, status := n.socket("127.0.0.3", "graphql-transport-ws", nil); socket == nil {
			t.Errorf("another address: %d", status)
		}
	})
	t.Run("ReloadKeepsWhatIsOpen", func(t *testing.T) {
		socket, status := in(t).socket("127.0.0.1", "graphql-transport-ws", nil)
		if socket == nil {
			t.Fatalf("status %d", status)
		}
		socket.init(ada.token).watch("feed")
		if err := n.process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		orderID := ada.order(t, "sim_approve")
		for found := false; !found; { // another test's order changes meanwhile
			found = strings.Contains(string(socket.expect("next").Payload), orderID)
		}
		if response, _ := role(in(t)); response.StatusCode != http.StatusOK {
			t.Errorf("after the reload: %s", response.Status)
		}
	})
	t.Run("TimeoutsAreLongerThanSilence", func(t *testing.T) {
		for _, name := range []string{"proxy_read_timeout", "proxy_send_timeout"} {
			match := regexp.MustCompile(name + ` (\S+);`).FindStringSubmatch(documented(t))
			if match == nil {
				t.Fatalf("%s is not set", name)
			}
			timeout, err := time.ParseDuration(match[1])
			if longest := 2 * max(app.cfg.WSPingInterval, 15*time.Second, app.cfg.OperationTimeout); err != nil || timeout <= longest {
				t.Errorf("%s is %s, want more than %v", name, match[1], longest)
			}
		}
	})
	t.Run("ErrNobodyAnswers", func(t *testing.T) {
		n := startNginx(t, freeAddress(t))
		response, body := role(n, "Origin", "https://partner.example")
		var answer struct {
			Errors []struct{ Extensions struct{ Code string } }
		}
		err := json.Unmarshal([]byte(body), &answer)
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || err != nil ||
			len(answer.Errors) != 1 || answer.Errors[0].Extensions.Code != "UNAVAILABLE" || response.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %v %s: %v", response.Status, response.Header, body, err)
		}
		if _, status := n.socket("127.0.0.1", "graphql-transport-ws", nil); status != http.StatusServiceUnavailable {
			t.Errorf("a websocket: %d", status)
		}
	})
}
