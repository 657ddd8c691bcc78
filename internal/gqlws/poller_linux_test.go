package gqlws

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
)

// pollerOf returns a poller that reports the sockets it wakes.
func pollerOf(t *testing.T) (*poller, <-chan *conn) {
	t.Helper()
	woken := make(chan *conn, 10)
	p, err := newPoller(func(c *conn) { woken <- c })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p, woken
}

// socket returns a connection and its client, peer.
func socket(t *testing.T) (c *conn, peer net.Conn) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if peer, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = ours.Close()
		_ = peer.Close()
	})
	return &conn{wire: wire{Conn: ours}}, peer
}

func expectWoken(t *testing.T, woken <-chan *conn, want *conn) {
	t.Helper()
	select {
	case c := <-woken:
		if c != want {
			t.Fatal("another socket was woken")
		}
	case <-time.After(eventually.Patience):
		t.Fatal("nobody was woken")
	}
}

func TestPoller(t *testing.T) {
	t.Parallel()
	t.Run("OKEachParkingIsWokenOnce", func(t *testing.T) {
		t.Parallel()
		p, woken := pollerOf(t)
		c, peer := socket(t)
		for range 3 {
			if !p.park(c) {
				t.Fatal("not parked")
			}
			if _, err := peer.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			expectWoken(t, woken, c)
			// More data arrives before the first is read. Nobody may be woken: there is a reader already.
			if _, err := peer.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if p.unpark(c) || p.count() != 0 {
				t.Fatal("woken, but still parked")
			}
			buffer := make([]byte, 2)
			for n := 0; n < 2; {
				more, err := c.wire.Conn.Read(buffer)
				if err != nil {
					t.Fatal(err)
				}
				n += more
			}
		}
		if len(woken) > 0 {
			t.Error("a socket was woken that was not parked")
		}
	})
	t.Run("OKDataThatCameBeforeWakesToo", func(t *testing.T) {
		t.Parallel()
		p, woken := pollerOf(t)
		c, peer := socket(t)
		_ = peer.Close()
		if p.park(c) {
			expectWoken(t, woken, c)
		}
	})
	t.Run("ErrStaleEvent", func(t *testing.T) {
		t.Parallel()
		p, woken := pollerOf(t)
		old, _ := socket(t)
		if !p.park(old) {
			t.Fatal("not parked")
		}
		stale := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(old.ticket)} //nolint:gosec // it is 1
		if !p.unpark(old) || p.unpark(old) {
			t.Fatal("not unparked exactly once")
		}
		_ = old.wire.Close()
		next, peer := socket(t) // most likely with the descriptor of old
		if !p.park(next) {
			t.Fatal("not parked")
		}
		p.handle([]syscall.EpollEvent{stale})
		if len(woken) > 0 || p.count() != 1 {
			t.Fatal("a late event has woken a socket")
		}
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		expectWoken(t, woken, next)
	})
	t.Run("ErrClosed", func(t *testing.T) {
		t.Parallel()
		p, _ := pollerOf(t)
		c, _ := socket(t)
		_ = c.wire.Close()
		if p.park(c) || p.count() != 0 {
			t.Error("a closed connection was parked")
		}
	})
	t.Run("ErrClosing", func(t *testing.T) {
		t.Parallel()
		p, _ := pollerOf(t)
		c, _ := socket(t)
		c.closing = true // after park has checked it
		if p.park(c) || p.count() != 0 {
			t.Error("a closing socket was parked: the poller does not see its deadline")
		}
	})
	t.Run("TicketsHave64Bits", func(t *testing.T) {
		t.Parallel()
		p, woken := pollerOf(t)
		p.last = 1<<33 + 1<<31
		c, peer := socket(t)
		if !p.park(c) {
			t.Fatal("not parked")
		}
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		expectWoken(t, woken, c)
	})
}
