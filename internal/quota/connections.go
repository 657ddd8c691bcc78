package quota

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// ConnectionsConfig of Connections. All fields are required.
type ConnectionsConfig struct {
	// PerAddress is how many connections an address may have, and Total how many all together.
	PerAddress, Total int
	// Address tells whom a connection is counted for; "" for a proxy's, which are of many.
	Address func(net.Addr) string
	// Others counts open connections that have left HTTP: websockets. They count for Total.
	Others func() int
}

// Connections bounds how many connections to a server may be open. Each holds a file descriptor and some 20 KB, and a client may keep
// one open for minutes without asking for anything, so that without a bound one client could leave none for others.
//
// One connection too many takes the place of the one that has been idle longest, of the same address or of all, and is closed itself
// when none is idle. So clients that keep connections for later are never in the way of those that ask for something.
type Connections struct {
	cfg ConnectionsConfig

	mu    sync.Mutex
	open  map[net.Conn]*connection
	of    map[string]*connectionsOf
	idle  *list.List // of *connection, the one that has been idle longest first
	ended atomic.Int64
}

type connection struct {
	conn   net.Conn
	holder *connectionsOf
	// among is its place in Connections.idle and beside in its holder's; nil while it is not idle.
	among, beside *list.Element
}

// connectionsOf are those of one address.
type connectionsOf struct {
	address string
	n       int
	idle    *list.List // of *connection
}

// NewConnections returns bounds that hold for a server whose ConnState is State.
func NewConnections(cfg ConnectionsConfig) *Connections {
	return &Connections{cfg: cfg, open: map[net.Conn]*connection{}, of: map[string]*connectionsOf{}, idle: list.New()}
}

// Open is how many connections are open, without those that have left HTTP.
func (c *Connections) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// Ended is how many connections were closed because there were too many.
func (c *Connections) Ended() int64 { return c.ended.Load() }

// State is http.Server's ConnState. It panics with http.ErrAbortHandler, which ends the connection alone, when a request comes on a
// connection that was given up a moment ago: its answer would get lost, so it must not be executed.
func (c *Connections) State(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if surplus := c.add(conn); surplus != nil {
			c.ended.Add(1)
			closeNow(surplus)
		}
	case http.StateActive:
		if !c.begin(conn) {
			panic(http.ErrAbortHandler)
		}
	case http.StateIdle:
		c.rest(conn)
	case http.StateHijacked, http.StateClosed:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.remove(c.open[conn])
	}
}

// add counts a new connection and gives the one to close for it, if any, which is not counted any more.
func (c *Connections) add(conn net.Conn) (surplus net.Conn) {
	address := c.cfg.Address(conn.RemoteAddr())
	others := c.cfg.Others()
	c.mu.Lock()
	defer c.mu.Unlock()
	holder := c.of[address]
	if holder == nil {
		holder = &connectionsOf{address: address, idle: list.New()}
		c.of[address] = holder
	}
	added := &connection{conn: conn, holder: holder}
	c.open[conn] = added
	holder.n++
	var idle *list.List
	switch {
	case address != "" && holder.n > c.cfg.PerAddress:
		idle = holder.idle
	case len(c.open)+others > c.cfg.Total:
		idle = c.idle
	default:
		return nil
	}
	gone := added
	if oldest := idle.Front(); oldest != nil {
		gone, _ = oldest.Value.(*connection) // as all in it
	}
	c.remove(gone)
	return gone.conn
}

// begin reports false for a connection that was given up.
func (c *Connections) begin(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.open[conn]
	if known == nil {
		return false
	}
	c.wake(known)
	return true
}

// rest marks a connection as idle.
func (c *Connections) rest(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.open[conn]; known != nil && known.among == nil {
		known.among, known.beside = c.idle.PushBack(known), known.holder.idle.PushBack(known)
	}
}

// wake is called with the lock held.
func (c *Connections) wake(known *connection) {
	if known.among != nil {
		c.idle.Remove(known.among)
		known.holder.idle.Remove(known.beside)
		known.among, known.beside = nil, nil
	}
}

// remove is called with the lock held. A connection that is not counted is nil.
func (c *Connections) remove(known *connection) {
	if known == nil {
		return
	}
	c.wake(known)
	delete(c.open, known.conn)
	if known.holder.n--; known.holder.n == 0 {
		delete(c.of, known.holder.address)
	}
}

// closeNow closes a connection without waiting for its client: TLS would send a last record first.
func closeNow(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close() // its client may have closed it
}
