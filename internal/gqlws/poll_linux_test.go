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

// until waits for a condition that another goroutine is about to make true.
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

// expiring is a gqlws.Init that returns short sessions.
func expiring(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
	return ctx, gqlws.Authentication{ExpiresAt: time.Now().Add(100 * time.Millisecond)}, nil
}

// parked waits until n sockets are parked.
func (s *server) parked(n int) {
	s.t.Helper()
	until(s.t, "parked sockets", func() bool { return s.Parked() == n })
}

// TestParked checks that a parked socket is torn down exactly once, whatever happens to it. A second time would be counted
// twice.
func TestParked(t *testing.T) {
	t.Parallel()
	gone := func(t *testing.T, s *server) {
		t.Helper()
		until(t, "the socket is gone", func() bool { return s.Sockets() == 0 })
		s.Wait()
		if n := s.Parked(); n != 0 {
			t.Errorf("%d sockets are closed but parked", n)
		}
	}
	// begin returns a parked socket with a subscription.
	begin := func(t *testing.T, cfg gqlws.Config) (*server, *client) {
		t.Helper()
		s := overTCP(t, cfg)
		c := s.ready()
		c.send(subscribe("a", `subscription { feed }`))
		<-s.Pulled
		s.parked(1)
		return s, c
	}
	t.Run("OKWakesForEachMessage", func(t *testing.T) {
		t.Parallel()
		s, c := begin(t, gqlws.Config{})
		for range 100 {
			c.send(`{"type":"ping"}`)
			c.expect(`{"type":"pong"}`)
			s.parked(1)
		}
	})
	t.Run("OKDelivers", func(t *testing.T) {
		t.Parallel()
		s, c := begin(t, gqlws.Config{})
		s.Items <- streamtest.Item{Value: "1"}
		c.expect(`{"id":"a","type":"next","payload":{"data":{"feed":"1"}}}`)
		s.parked(1)
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
		s.parked(1)
		cut()
		gone(t, s)
		if _, _, err := c.ReadMessage(); err == nil {
			t.Error("an aborted socket has sent something")
		}
	})
	t.Run("DeadAfterMissedPings", func(t *testing.T) {
		t.Parallel()
		s := overTCP(t, gqlws.Config{PingInterval: time.Millisecond})
		s.connect(modern) // nobody reads, so no ping is answered
		gone(t, s)
	})
	t.Run("CloseTimeoutApplies", func(t *testing.T) {
		t.Parallel()
		s, c := begin(t, gqlws.Config{CloseTimeout: 10 * time.Millisecond, WriteTimeout: time.Hour})
		c.SetCloseHandler(func(int, string) error { return nil }) // does not answer
		s.Items <- streamtest.Item{Err: errors.New("broken")}
		c.expectClose(1013)
		gone(t, s) // by the read deadline: the other timer is an hour away
	})
	t.Run("ExpiresOnTime", func(t *testing.T) {
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

// TestTicketsAreUsedOnce reuses descriptors as fast as possible while the poller reports events of the previous owners. Such
// an event must not wake the socket that has the descriptor now, or it would end or stall it.
func TestTicketsAreUsedOnce(t *testing.T) {
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
		for i, c := range clients { // events and ends of the same parkings at once
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
	s.parked(1)
}

// TestPollerEndsWithItsTransport is not parallel, because it counts the process's descriptors.
func TestPollerEndsWithItsTransport(t *testing.T) {
	s := overTCP(t, gqlws.Config{DrainJitter: time.Millisecond})
	c := s.ready()
	s.parked(1)
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

// epolls returns the number of epoll descriptors of the process.
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
