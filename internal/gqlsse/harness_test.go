package gqlsse_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/gqlsse"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// server is a real HTTP server with the transport and the test schema.
type server struct {
	*gqlsse.Transport
	*streamtest.Server
	t    *testing.T
	http *http.Client
	web  *http.Server
	// connections counts the connections that the client has opened.
	connections atomic.Int64
}

// inBubble runs a test in a synctest bubble, with a server over in-memory connections. Timeouts have their real lengths and
// take no time, and an event is written only when the client reads it.
func inBubble(t *testing.T, cfg gqlsse.Config, test func(t *testing.T, s *server)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, serve(t, cfg)) })
}

func serve(t *testing.T, cfg gqlsse.Config) *server {
	cfg.Logger = slog.New(slog.DiscardHandler)
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &server{Transport: gqlsse.New(cfg), Server: streamtest.New(), t: t, http: &http.Client{}}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		s.connections.Add(1)
		return l.dial(ctx, network, address)
	}}
	s.http.Transport = transport
	web := &http.Server{
		ReadTimeout:  20 * time.Second, // a stream outlives both
		WriteTimeout: 20 * time.Second,
		IdleTimeout:  time.Hour,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !s.Supports(r) {
				http.Error(w, "another transport's", http.StatusTeapot)
				return
			}
			s.Do(wrapped{w}, r.WithContext(graphql.StartOperationTrace(r.Context())), s.Server)
		}),
	}
	s.web = web
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = web.Serve(l)
	}()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = web.Close()
		<-done
		time.Sleep(time.Second) // of the bubble's clock: net/http lingers on a connection with an unread body
	})
	return s
}

// wrapped is a ResponseWriter behind middleware: it can only be unwrapped.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// events is an open stream.
type events struct {
	*http.Response
	t     *testing.T
	lines *bufio.Reader
	stop  context.CancelFunc
}

// do sends a request with Accept: text/event-stream unless header says otherwise.
func (s *server) do(method, target, body string, header ...string) *events {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	r, err := http.NewRequestWithContext(ctx, method, "http://orderwire.test/graphql"+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := s.http.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	s.t.Cleanup(func() {
		cancel()
		_ = response.Body.Close()
	})
	return &events{Response: response, t: s.t, lines: bufio.NewReader(response.Body), stop: cancel}
}

// subscribe posts a query and expects an accepted stream.
func (s *server) subscribe(query string, header ...string) *events {
	s.t.Helper()
	e := s.do(http.MethodPost, "", `{"query":"`+query+`"}`, header...)
	if e.StatusCode != http.StatusOK {
		s.t.Fatalf("status %s", e.Status)
	}
	e.expect(":")
	return e
}

// expect reads one block, which ends with an empty line, and compares its lines.
func (e *events) expect(want ...string) {
	e.t.Helper()
	if got := e.block(); got != strings.Join(want, "\n") {
		e.t.Fatalf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func (e *events) block() string {
	e.t.Helper()
	var lines []string
	for {
		line, err := e.lines.ReadString('\n')
		if err != nil {
			e.t.Fatalf("stream ended: %v, after %q", err, lines)
		}
		if line == "\n" {
			return strings.Join(lines, "\n")
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
}

// expectEnd reads the rest of the stream, which must be empty.
func (e *events) expectEnd() {
	e.t.Helper()
	if rest, err := io.ReadAll(e.lines); err != nil || len(rest) > 0 {
		e.t.Fatalf("got %q, %v; want the end of the stream", rest, err)
	}
}

// pipeListener accepts in-memory connections.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
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
