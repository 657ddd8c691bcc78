package postgres

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// connectTimeout bounds connecting to one host, authentication included. connect_timeout in DATABASE_URL takes its place.
	connectTimeout = 5 * time.Second
	// hostTimeout is that where there are several hosts: the next one is not tried before.
	hostTimeout = 2 * time.Second
	// cancelGrace bounds the wait for the answer of a statement whose context has ended: PostgreSQL is told to cancel it,
	// and then the connection can be used again.
	cancelGrace = time.Second
)

// Network is the knowledge that the pools of one database share about their connections.
type Network struct {
	mu        sync.Mutex
	open      map[*socket]struct{}
	abandoned bool
	// suspect is the time, in Unix nanoseconds, since which a connection must have been heard from. One that goes silent says
	// that the others may be as dead, and each would else cost its own silence.
	suspect atomic.Int64
}

// NewNetwork returns the state that pools share by Open's options.
func NewNetwork() *Network { return &Network{open: map[*socket]struct{}{}} }

// Abandon ends all connections at once, whatever runs on them, and refuses new ones. It is for the end of a process that
// cannot wait for its database.
func (n *Network) Abandon() {
	n.mu.Lock()
	n.abandoned = true
	sockets := make([]*socket, 0, len(n.open))
	for s := range n.open {
		sockets = append(sockets, s)
	}
	n.mu.Unlock()
	for _, s := range sockets {
		_ = s.Close() // closing is the purpose; its error does not matter
	}
}

var errAbandoned = errors.New("the server is stopping and has given up its database connections")

func (n *Network) add(s *socket) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.abandoned {
		return errAbandoned
	}
	n.open[s] = struct{}{}
	return nil
}

func (n *Network) remove(s *socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, s)
}

// silentSince makes every connection suspect that has not been heard from since a time.
func (n *Network) silentSince(t time.Time) {
	for {
		known := n.suspect.Load()
		if t.UnixNano() <= known || n.suspect.CompareAndSwap(known, t.UnixNano()) {
			return
		}
	}
}

// socket is a connection whose reads and writes end when the other side goes silent, or soon after the context of the
// statement that runs on it has ended. lib/pq does neither: a context only makes it ask PostgreSQL to cancel the statement,
// over the same network.
type socket struct {
	net.Conn
	network *Network
	raw     syscall.RawConn

	mu      sync.Mutex
	silence time.Duration // of the pool
	patient time.Duration // of the statement that runs, if it is longer
	limit   time.Time     // when the statement that runs ends at the latest; zero: never
	use     uint64        // counts statements, so that a context's late end does not end the next one

	sent   atomic.Int64 // bytes
	heard  atomic.Int64 // when something was read last, in Unix nanoseconds
	broken atomic.Bool  // a read or a write has failed
}

func newSocket(conn net.Conn, network *Network, silence time.Duration) (*socket, error) {
	s := &socket{Conn: conn, network: network, silence: silence}
	s.heard.Store(time.Now().UnixNano())
	if c, ok := conn.(syscall.Conn); ok {
		raw, err := c.SyscallConn()
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		s.raw = raw
	}
	if err := network.add(s); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// patience is the key of a context's value; see Patient.
type patience struct{}

// Patient returns a context whose statements may stay without an answer for longer than others of their pool.
func Patient(ctx context.Context, silence time.Duration) context.Context {
	return context.WithValue(ctx, patience{}, silence)
}

func nothing() {}

// begin binds the socket to a context until end is called.
func (s *socket) begin(ctx context.Context) (end func()) {
	patient, _ := ctx.Value(patience{}).(time.Duration)
	if ctx.Done() == nil && patient == 0 {
		return nothing
	}
	s.mu.Lock()
	s.use++
	use := s.use
	s.patient, s.limit = patient, time.Time{}
	s.mu.Unlock()
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.use == use {
				s.limit = time.Now().Add(cancelGrace)
				_ = s.Conn.SetDeadline(s.limit) // a closed connection has no reader either
			}
		})
	}
	return func() {
		stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.use == use {
			s.use++
			s.patient, s.limit = 0, time.Time{}
		}
	}
}

// deadline returns the latest end of a read or a write that begins now.
func (s *socket) deadline(now time.Time) time.Time {
	t := now.Add(max(s.silence, s.patient))
	if !s.limit.IsZero() && s.limit.Before(t) {
		return s.limit
	}
	return t
}

// SetDeadline bounds all that follows, as lib/pq does while it connects. The zero time takes the bound away.
func (s *socket) SetDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = t
	return nil
}

func (s *socket) Read(b []byte) (int, error) {
	start := time.Now()
	s.mu.Lock()
	err := s.SetReadDeadline(s.deadline(start))
	s.mu.Unlock()
	if err != nil {
		s.broken.Store(true)
		return 0, err
	}
	n, err := s.Conn.Read(b)
	if err == nil {
		s.heard.Store(time.Now().UnixNano())
		return n, nil
	}
	s.broken.Store(true)
	if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(start) >= cancelGrace {
		s.network.silentSince(start)
	}
	return n, err
}

func (s *socket) Write(b []byte) (int, error) {
	s.mu.Lock()
	err := s.SetWriteDeadline(s.deadline(time.Now()))
	s.mu.Unlock()
	if err != nil {
		s.broken.Store(true)
		return 0, err
	}
	n, err := s.Conn.Write(b)
	s.sent.Add(int64(n))
	if err != nil {
		s.broken.Store(true)
	}
	return n, err
}

func (s *socket) Close() error {
	s.broken.Store(true)
	s.network.remove(s)
	return s.Conn.Close()
}

// usable reports whether a statement may be sent. It finds a connection that the other side has ended meanwhile before
// anything is sent, since afterwards nobody can know whether a statement ran.
func (s *socket) usable() bool {
	return !s.broken.Load() && s.heard.Load() >= s.network.suspect.Load() && !hungUp(s.raw)
}

// dialing is the key of a context's value, *dialed: a connection for statements. lib/pq's own, to cancel a statement, have none.
type dialing struct{}

type dialed struct {
	ctx    context.Context
	socket *socket
	end    func()
}

// dialer makes the sockets of a pool.
type dialer struct {
	network *Network
	silence time.Duration
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	into, _ := ctx.Value(dialing{}).(*dialed)
	within := connectTimeout
	if into == nil {
		within = cancelGrace
	}
	s, err := dialSocket(ctx, d.network, d.silence, within, network, address)
	if err != nil {
		return nil, err
	}
	if into == nil {
		// To cancel is worth no more time than the answer of what is cancelled.
		return s, s.SetDeadline(time.Now().Add(cancelGrace))
	}
	into.socket, into.end = s, s.begin(into.ctx)
	return s, nil
}

func dialSocket(ctx context.Context, n *Network, silence, within time.Duration, network, address string) (*socket, error) {
	// Keep-alives find a dead peer also while PostgreSQL takes long to answer.
	d := net.Dialer{Timeout: within, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return newSocket(conn, n, silence)
}
