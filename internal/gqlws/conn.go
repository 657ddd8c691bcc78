package gqlws

import (
	"context"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/quota"
	"github.com/orderwire/orderwire/internal/stream"
)

// conn is one socket.
type conn struct {
	t       *Transport
	ws      *websocket.Conn
	wire    wire
	dialect *dialect // nil: none was acceptable, the socket is only closed
	exec    graphql.GraphExecutor
	leave   func() // gives Config.Admit's room back

	// ctx ends when the socket begins to close. It is the socket's only one, and a stream.Connection is in it.
	ctx    context.Context
	cancel context.CancelFunc
	unread *quota.Account // what its client has not read, counted with that of its other connections

	// Of the goroutine that reads alone. session is what operations start in; it derives from ctx.
	state   state
	session context.Context
	polled  bool // the poller's epoll knows the descriptor

	ticket uint64 // of its latest rest, under the poller's lock

	mu          sync.Mutex
	asleep      bool         // the client does not read; the socket is shut and waits for StallGrace
	draining    bool         // no operation begins; the socket closes when the last has ended
	farewell    *farewell    // no operation begins; the socket closes with it when the last answer is written; nil: goes on
	closing     bool         // a close frame is queued or the connection is cut: nothing more is queued
	initialised bool         // connection_ack was sent
	anonymous   bool         // nobody is signed in
	atEnd       stream.Ender // who is told that it begins to close; nil: nobody
	operations  []*operation // those with an id that is taken; few enough to be looked through
	started     uint64       // operations that have been started, ever
	running     int          // operations that are not over, those that were cancelled included
	queue       []frame
	queued      int  // bytes in queue
	writing     bool // somebody is in flush, or about to be
	missed      int  // pings sent since the peer was last heard of
	clock       clock

	finished sync.WaitGroup // operations that are not over
}

// open makes the socket work on an upgraded connection. Its context has base's values and ends when it closes.
func (c *conn) open(base context.Context, ws *websocket.Conn) {
	c.ws = ws
	c.ctx, c.cancel = context.WithCancel(stream.WithConnection(base, c))
	c.session = c.ctx
	ws.SetReadLimit(c.t.cfg.MaxInitBytes) // until it is initialised
	ws.SetPingHandler(func(data string) error {
		c.heard()
		if !c.count() {
			return nil
		}
		// When the queue is full this pong is left out: RFC 6455 section 5.5.3 wants the latest answered only.
		c.enqueue(frame{data: rawFrame(websocket.PongMessage, []byte(data))})
		return nil
	})
	ws.SetPongHandler(func(string) error {
		c.heard()
		c.count()
		return nil
	})
	// The reader echoes a close frame itself, once it has stopped the operations.
	ws.SetCloseHandler(func(int, string) error { return nil })
}

func (c *conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// close begins to close the socket: operations end, what is queued is still written, then the close frame. The reader
// goes on until the peer answers it or CloseTimeout has passed. Only the first call counts.
func (c *conn) close(code int, reason string) {
	c.mu.Lock()
	if c.closing {
		asleep := c.asleep
		c.mu.Unlock()
		if asleep && code == CloseDraining {
			c.abort() // nothing waits for a client that sleeps
		}
		return
	}
	c.closing = true
	answers := frame{data: c.unanswered(false)}
	first := answers
	start := len(answers.data) > 0 && c.claim(answers)
	f := frame{closes: true, data: websocket.FormatCloseMessage(code, closeReason(reason))}
	if c.claim(f) {
		first, start = f, true
	}
	// The last resort against a peer that does not read: each frame has a deadline, their sum has this one.
	c.silence()
	c.set(cutAlarm, c.t.cfg.WriteTimeout+c.t.cfg.CloseTimeout)
	c.mu.Unlock()

	c.t.cfg.Logger.DebugContext(c.ctx, "websocket closes", "code", code, "reason", reason)
	c.endAll()
	if start {
		go c.flush(first, nil)
	}
}

// shut ends the operations and drops what is queued, without a close frame.
func (c *conn) shut() {
	c.mu.Lock()
	c.closing = true
	dropped := c.queue
	c.queue, c.queued = nil, 0
	c.mu.Unlock()
	for i := range dropped {
		c.unread.Release(dropped[i].held)
	}
	c.finishQueued(dropped)
	c.endAll()
}

// endAll ends what lives on the socket, which is closing.
func (c *conn) endAll() {
	c.cancel()
	c.mu.Lock()
	atEnd := c.atEnd
	c.atEnd = nil
	c.mu.Unlock()
	if atEnd != nil {
		atEnd.ConnectionEnded()
	}
	c.finishIdle()
	c.rouse()
}

// Draining implements stream.Connection.
func (c *conn) Draining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// End implements stream.Connection.
func (c *conn) End(cause error) {
	go c.retire(CloseForbidden, c.refusal(cause))
}

// AtEnd implements stream.Connection.
func (c *conn) AtEnd(e stream.Ender) {
	c.mu.Lock()
	over := c.closing
	if !over {
		c.atEnd = e
	}
	c.mu.Unlock()
	if over {
		e.ConnectionEnded()
	}
}

// abort cuts the connection; the reader then takes the socket down.
func (c *conn) abort() {
	c.shut()
	_ = c.ws.Close()
}

// teardown runs in the goroutine that reads when nothing will be read any more. The socket counts as gone only when its
// operations are over, so that Drain can promise that nobody uses the database any more.
func (c *conn) teardown() {
	c.shut()
	c.mu.Lock()
	c.silence()
	c.mu.Unlock()
	_ = c.ws.Close()
	c.finished.Wait()
	c.t.remove(c)
}

func (c *conn) deadline() time.Time { return time.Now().Add(c.t.cfg.WriteTimeout) }
