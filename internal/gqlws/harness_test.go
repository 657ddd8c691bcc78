package gqlws_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

const (
	modern = "graphql-transport-ws"
	legacy = "graphql-ws"
)

// server is a real HTTP server with the transport and the test schema.
type server struct {
	*gqlws.Transport
	*streamtest.Server
	t    *testing.T
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// inBubble runs a test in a synctest bubble, with a server over in-memory connections. Timeouts have their real lengths and
// take no time, and a frame is written only when the client reads it.
func inBubble(t *testing.T, cfg gqlws.Config, test func(t *testing.T, s *server)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		test(t, serve(t, cfg, l, l.dial))
	})
}

// overTCP starts a server on a loopback port.
func overTCP(t *testing.T, cfg gqlws.Config) *server {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var d net.Dialer
	return serve(t, cfg, l, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", l.Addr().String())
	})
}

func serve(
	t *testing.T, cfg gqlws.Config, l net.Listener, dial func(context.Context, string, string) (net.Conn, error),
) *server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &server{Transport: gqlws.New(cfg), Server: streamtest.New(), t: t, dial: dial}
	web := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if !s.Supports(r) {
				http.Error(w, "not an upgrade", http.StatusBadRequest)
				return
			}
			s.Do(wrapped{w}, r.WithContext(graphql.StartOperationTrace(r.Context())), s.Server)
		})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = web.Serve(l)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), eventually.Patience)
		defer cancel()
		if err := s.Drain(ctx); err != nil {
			t.Errorf("sockets are left: %v", err)
		}
		_ = web.Close()
		<-done
	})
	return s
}

// wrapped is a ResponseWriter behind middleware: it can only be unwrapped.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// client is a websocket client that sends and expects raw frames.
type client struct {
	*websocket.Conn
	t *testing.T
}

func (s *server) connect(protocols ...string) *client {
	s.t.Helper()
	c, response, err := s.tryConnect(nil, protocols...)
	if err != nil {
		s.t.Fatalf("dial: %v", err)
	}
	_ = response.Body.Close()
	return c
}

func (s *server) tryConnect(header http.Header, protocols ...string) (*client, *http.Response, error) {
	d := websocket.Dialer{NetDialContext: s.dial, Subprotocols: protocols}
	ws, response, err := d.DialContext(s.t.Context(), "ws://orderwire.test/graphql", header)
	if err != nil {
		return nil, response, err
	}
	s.t.Cleanup(func() { _ = ws.Close() })
	return &client{Conn: ws, t: s.t}, response, nil
}

// ready returns a client whose connection is acknowledged.
func (s *server) ready() *client {
	s.t.Helper()
	c := s.connect(modern)
	c.send(`{"type":"connection_init"}`)
	c.expect(`{"type":"connection_ack"}`)
	return c
}

func (c *client) send(raw string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(raw)); err != nil {
		c.t.Fatalf("send %.80s: %v", raw, err)
	}
}

// expect reads a message and compares it as JSON.
func (c *client) expect(want string) {
	c.t.Helper()
	if got := c.read(); !equalJSON(got, want) {
		c.t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func (c *client) read() string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Hour)) // the test's own timeout is shorter
	_, data, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return string(data)
}

// expectError reads an `error` for id whose first error has the code ("" for any).
func (c *client) expectError(id, code string) {
	c.t.Helper()
	raw := c.read()
	var m struct {
		Type, ID string
		Payload  []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal([]byte(raw), &m); err != nil || m.Type != "error" || m.ID != id || len(m.Payload) == 0 ||
		m.Payload[0].Message == "" || code != "" && m.Payload[0].Extensions.Code != code {
		c.t.Fatalf("got %s\nwant an error for %q with code %q", raw, id, code)
	}
}

// expectClose reads the close frame and returns its reason. A message before it fails the test.
func (c *client) expectClose(code int) string {
	c.t.Helper()
	_, data, err := c.ReadMessage()
	var closed *websocket.CloseError
	switch {
	case err == nil:
		c.t.Fatalf("got %s\nwant close %d", data, code)
	case !errors.As(err, &closed):
		c.t.Fatalf("got %v, want close %d", err, code)
	case closed.Code != code:
		c.t.Fatalf("closed with %d %q, want %d", closed.Code, closed.Text, code)
	}
	return closed.Text
}

func equalJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// pipeListener accepts in-memory connections.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, io.EOF
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }
