package addresslimit_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/eventually"
)

// bounded is a server that accepts 4 connections of an address and 6 in all.
type bounded struct {
	*httptest.Server
	connections *addresslimit.Connections
	others      atomic.Int64
	busy        chan struct{} // closed: requests for /busy are answered
}

func serveBounded(t *testing.T, start func(*httptest.Server)) *bounded {
	t.Helper()
	b := &bounded{busy: make(chan struct{})}
	addresses, err := addresslimit.NewAddresses([]string{"127.0.0.9"})
	if err != nil {
		t.Fatal(err)
	}
	b.connections = addresslimit.NewConnections(addresslimit.ConnectionsConfig{
		PerAddress: 4, Total: 6, Address: addresses.Peer, Others: func() int { return int(b.others.Load()) },
	})
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/busy" {
			<-b.busy
		}
	}))
	b.Config.ConnState = b.connections.State
	start(b.Server)
	t.Cleanup(b.Close)
	return b
}

// peer is a client's connection.
type peer struct {
	t *testing.T
	net.Conn
}

func (b *bounded) from(t *testing.T, address string) peer {
	t.Helper()
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext(t.Context(), "tcp", b.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if b.TLS != nil {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(eventually.Patience)); err != nil {
		t.Fatal(err)
	}
	return peer{t, conn}
}

func (p peer) send(path string) {
	p.t.Helper()
	if _, err := io.WriteString(p, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		p.t.Fatal(err)
	}
}

// answered reads an answer. The connection is idle after it.
func (p peer) answered() {
	p.t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(p), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// ask sends a request and reads the answer, after which the connection is idle.
func (p peer) ask() {
	p.t.Helper()
	p.send("/")
	p.answered()
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(eventually.Patience); !is(); time.Sleep(time.Millisecond) { // a pause between attempts
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// closed waits until the server has closed the connection.
func (p peer) closed() {
	p.t.Helper()
	if n, err := p.Read(make([]byte, 1)); n > 0 || errors.Is(err, nil) || isTimeout(err) {
		p.t.Fatalf("the connection is open: %d bytes, %v", n, err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestConnections(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*httptest.Server){"HTTP": (*httptest.Server).Start, "TLS": (*httptest.Server).StartTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testConnections(t, start)
		})
	}
}

func testConnections(t *testing.T, start func(*httptest.Server)) {
	t.Run("EvictsTheLongestIdle", func(t *testing.T) {
		t.Parallel()
		b := serveBounded(t, start)
		var first []peer
		for range 4 {
			p := b.from(t, "127.0.0.2")
			p.ask()
			await(t, "it is idle", func() bool { return b.connections.Idle() == len(first)+1 })
			first = append(first, p)
		}
		first[0].ask() // so the second has been idle longest
		b.from(t, "127.0.0.2").ask()
		first[1].closed()
		for _, i := range []int{0, 2, 3} {
			first[i].ask()
		}
		if got := b.connections.Ended(); got != 1 {
			t.Errorf("%d connections were ended, want 1", got)
		}
	})
	t.Run("ErrNoneIsIdle", func(t *testing.T) {
		t.Parallel()
		b := serveBounded(t, start)
		var busy []peer
		for range 4 {
			p := b.from(t, "127.0.0.2")
			p.send("/busy")
			busy = append(busy, p)
		}
		await(t, "all are taken", func() bool { return b.connections.Open() == 4 })
		b.from(t, "127.0.0.2").refused(t)
		b.from(t, "127.0.0.3").ask() // another address
		close(b.busy)
		for _, p := range busy {
			p.answered()
		}
	})
	t.Run("AllTogetherAndProxies", func(t *testing.T) {
		t.Parallel()
		b := serveBounded(t, start)
		b.others.Store(1) // so 5 are left
		var proxys []peer
		for range 5 { // more than another address may have
			p := b.from(t, "127.0.0.9")
			p.ask()
			await(t, "it is idle", func() bool { return b.connections.Idle() == len(proxys)+1 })
			proxys = append(proxys, p)
		}
		b.from(t, "127.0.0.3").ask()
		proxys[0].closed()
		proxys[1].ask()
	})
}

// refused sends a request on a connection that must be closed without an answer.
func (p peer) refused(t *testing.T) {
	t.Helper()
	_, _ = io.WriteString(p, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // the server may have closed it
	p.closed()
}

// TestEvictedConnection: a request on an evicted connection is not executed.
func TestEvictedConnection(t *testing.T) {
	t.Parallel()
	connections := addresslimit.NewConnections(addresslimit.ConnectionsConfig{
		PerAddress: 1, Total: 10, Address: func(net.Addr) string { return "one" }, Others: func() int { return 0 },
	})
	old, _ := net.Pipe()
	young, _ := net.Pipe()
	connections.State(old, http.StateNew)
	connections.State(old, http.StateActive)
	connections.State(old, http.StateIdle)
	connections.State(young, http.StateNew)
	if _, err := old.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the idle connection is open: %v", err)
	}
	func() {
		defer func() {
			if cause := recover(); cause != http.ErrAbortHandler { //nolint:errorlint // the very value that net/http looks for
				t.Errorf("a request on it: %v", cause)
			}
		}()
		connections.State(old, http.StateActive)
	}()
	connections.State(old, http.StateClosed)
	connections.State(young, http.StateActive)
	connections.State(young, http.StateHijacked)
	if open := connections.Open(); open != 0 {
		t.Errorf("%d are open, want none", open)
	}
}
