package addresslimit

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// ConnectionsConfig has the settings of Connections. All fields are required.
type ConnectionsConfig struct {
	// PerAddress bounds the connections of one address, Total those of all addresses together.
	PerAddress, Total int
	// Address returns the address that a connection is counted for; "" for a proxy, whose connections belong to many clients.
	Address func(net.Addr) string
	// Others returns the number of open connections that have left HTTP, which are websockets. They count for Total.
	Others func() int
}

// Connections bounds the open connections of a server. Each holds a file descriptor and some 20 KB, and a client may keep one
// open for minutes without a request. So without a bound one client could use up all connections.
//
// A connection above the bound evicts the one that has been idle longest, of the same address or of all. If none is idle, the
// new one is closed. So idle connections never get in the way of requests.
type Connections struct {
	cfg ConnectionsConfig

	mu    sync.Mutex
	open  map[net.Conn]*connection
	of    map[string]*connectionsOf
	idle  *list.List // of *connection, idle longest first
	ended atomic.Int64
}

type connection struct {
	conn   net.Conn
	holder *connectionsOf
	// inAll is its element in Connections.idle, inHolder the one in its holder's list; nil while it is not idle.
	inAll, inHolder *list.Element
}

// connectionsOf has the connections of one address.
type connectionsOf struct {
	address string
	n       int
	idle    *list.List // of *connection
}

// NewConnections returns bounds for a server whose ConnState is State.
func NewConnections(cfg ConnectionsConfig) *Connections {
	return &Connections{cfg: cfg, open: map[net.Conn]*connection{}, of: map[string]*connectionsOf{}, idle: list.New()}
}

// Open returns the number of open connections, without those that have left HTTP.
func (c *Connections) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// Ended returns the number of connections that were closed because there were too many.
func (c *Connections) Ended() int64 { return c.ended.Load() }

// State is an http.Server's ConnState. When a request arrives on a connection that was just evicted, its answer would be lost,
// so it must not be executed: State panics with http.ErrAbortHandler, which ends only the connection.
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
		c.markIdle(conn)
	case http.StateHijacked, http.StateClosed:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.remove(c.open[conn])
	}
}

// add counts a new connection. It returns the connection to close for it, if any, which no longer counts.
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
		gone, _ = oldest.Value.(*connection) // the list has only *connection
	}
	c.remove(gone)
	return gone.conn
}

// begin marks a connection as active. It reports false for one that was evicted.
func (c *Connections) begin(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.open[conn]
	if known == nil {
		return false
	}
	c.unmarkIdle(known)
	return true
}

// markIdle marks a connection as idle.
func (c *Connections) markIdle(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.open[conn]; known != nil && known.inAll == nil {
		known.inAll, known.inHolder = c.idle.PushBack(known), known.holder.idle.PushBack(known)
	}
}

// unmarkIdle marks a connection as active. The lock is held.
func (c *Connections) unmarkIdle(known *connection) {
	if known.inAll != nil {
		c.idle.Remove(known.inAll)
		known.holder.idle.Remove(known.inHolder)
		known.inAll, known.inHolder = nil, nil
	}
}

// remove ends the count of a connection; nil is none. The lock is held.
func (c *Connections) remove(known *connection) {
	if known == nil {
		return
	}
	c.unmarkIdle(known)
	delete(c.open, known.conn)
	if known.holder.n--; known.holder.n == 0 {
		delete(c.of, known.holder.address)
	}
}

// closeNow closes a connection without waiting for its client. A TLS connection would first send a last record.
func closeNow(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close() // its client may have closed it
}
