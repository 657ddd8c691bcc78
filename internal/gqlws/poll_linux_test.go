package gqlws_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// until waits for what another goroutine is about to do.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	for !done() {
		if ctx.Err() != nil {
			t.Fatalf("not in time: %s", what)
		}
		runtime.Gosched()
	}
}

// expiring is a gqlws.Init whose sessions are short.
func expiring(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Session, error) {
	return ctx, gqlws.Session{ExpiresAt: time.Now().Add(100 * time.Millisecond)}, nil
}

// resting waits until n sockets are at rest.
func (s *server) resting(n int) {
	s.t.Helper()
	until(s.t, "sockets at rest", func() bool { return s.Resting() == n })
}

// Whatever happens to a socket at rest, somebody takes it down, once: a second time would count it off twice.
func TestAtRest(t *testing.T) {
	t.Parallel()
	gone := func(t *testing.T, s *server) {
		t.Helper()
		until(t, "the socket is gone", func() bool { return s.Sockets() == 0 })
		s.Wait()
		if n := s.Resting(); n != 0 {
			t.Errorf("%d sockets are gone and rest", n)
		}
	}
	// begin is a socket at rest with a subscription.
	begin := func(t *testing.T, cfg gqlws.Config) (*server, *client) {
		t.Helper()
		s := overTCP(t, cfg)
		c := s.ready()
		c.send(subscribe("a", `subscription { feed }`))
		<-s.Pulled
		s.resting(1)
		return s, c
	}
	t.Run("OKWakesForEachMessage", func(t *testing.T) {
		t.Parallel()
		s, c := begin(t, gqlws.Config{})
		for range 100 {
			c.send(`{"type":"ping"}`)
			c.expect(`{"type":"pong"}`)
			s.resting(1)
		}
	})
	t.Run("OKDelivers", func(t *testing.T) {
		t.Parallel()
		s, c := begin(t, gqlws.Config{})
		s.Items <- streamtest.Item{Value: "1"}
		c.expect(`{"id":"a","type":"next","payload":{"data":{"feed":"1"}}}`)
		s.resting(1)
	})
	t.Run("PeerResets", func(t *testing.T) {
		t.Parallel()
		s, c := begin(t, gqlws.Config{})
		if tcp, ok := c.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.NetConn().Close()
		gone(t, s)
	})
	t.Run("PeerEndsItsHalf", func(t *testing.T) {
		t.Parallel()
		s, c := begin(t, gqlws.Config{})
		if tcp, ok := c.NetConn().(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
		gone(t, s)
	})
	t.Run("Aborted", func(t *testing.T) {
		t.Parallel()
		s := overTCP(t, gqlws.Config{})
		cut := s.Aborter()
		c := s.ready()
		c.send(subscribe("a", `subscription { feed }`))
		<-s.Pulled
		s.resting(1)
		cut()
		gone(t, s)
		if _, _, err := c.ReadMessage(); err == nil {
			t.Error("an aborted socket has sent something")
		}
	})
	t.Run("DeadByItsPings", func(t *testing.T) {
		t.Parallel()
		s := overTCP(t, gqlws.Config{PingInterval: time.Millisecond})
		s.connect(modern) // nobody reads, so nobody answers
		gone(t, s)
	})
	t.Run("CloseTimeoutHolds", func(t *testing.T) {
		t.Parallel()
		s, c := begin(t, gqlws.Config{CloseTimeout: 10 * time.Millisecond, WriteTimeout: time.Hour})
		c.SetCloseHandler(func(int, string) error { return nil }) // does not answer
		s.Items <- streamtest.Item{Err: errors.New("broken")}
		c.expectClose(1013)
		gone(t, s) // by the read deadline: the other timer is an hour's
	})
	t.Run("ExpiresWhenItIsTime", func(t *testing.T) {
		t.Parallel()
		s := overTCP(t, gqlws.Config{Init: expiring})
		s.ready().expectClose(4403)
		gone(t, s)
	})
	t.Run("Drained", func(t *testing.T) {
		t.Parallel()
		s, c := begin(t, gqlws.Config{DrainJitter: time.Millisecond})
		go func() { _, _, _ = c.ReadMessage() }() // answers the close
		if err := s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		gone(t, s)
	})
	t.Run("ErrCutWhenDrainEnds", func(t *testing.T) {
		t.Parallel()
		s, _ := begin(t, gqlws.Config{DrainJitter: time.Hour, DrainTimeout: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Drain(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Drain: %v", err)
		}
		gone(t, s)
	})
}

// TestTicketsAreOfOneRest has descriptors used again as fast as can be, while the poller reports what has become of those
// before: an event must never wake, and so end or hold up, the socket that has the descriptor now.
func TestTicketsAreOfOneRest(t *testing.T) {
	t.Parallel()
	s := overTCP(t, gqlws.Config{})
	const sockets, rounds = 20, 25
	steady := s.ready()
	cut := s.Aborter()
	for range rounds {
		clients := make([]*client, sockets)
		for i := range clients {
			clients[i] = s.ready()
		}
		for i, c := range clients { // events and ends of the same rests, at once
			_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`))
			if i == sockets/2 {
				cut()
			}
			_ = c.NetConn().Close()
		}
		until(t, "all but one are gone", func() bool { return s.Sockets() == 1 })
		steady.send(`{"type":"ping"}`)
		steady.expect(`{"type":"pong"}`)
	}
	s.resting(1)
}

// TestPollerEndsWithItsTransport is not parallel: it counts the process's descriptors.
func TestPollerEndsWithItsTransport(t *testing.T) {
	s := overTCP(t, gqlws.Config{DrainJitter: time.Millisecond})
	c := s.ready()
	s.resting(1)
	if n := epolls(t); n != 2 {
		t.Fatalf("%d epolls, want the runtime's and the transport's", n)
	}
	_ = c.Close()
	until(t, "the socket is gone", func() bool { return s.Sockets() == 0 })
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the epoll is closed", func() bool { return epolls(t) == 1 })
	until(t, "its goroutine has ended", func() bool { return goroutines("gqlws.(*poller)") == "" })
}

// epolls is how many epoll descriptors the process has.
func epolls(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc")
	}
	n := 0
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.Contains(target, "eventpoll") {
			n++
		}
	}
	return n
}
