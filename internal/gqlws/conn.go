package gqlws

import (
	"context"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/stream"
)

// conn is one socket.
type conn struct {
	t       *Transport
	ws      *websocket.Conn
	wire    wire
	dialect *dialect // nil: no subprotocol was acceptable, and the socket is only closed
	exec    graphql.GraphExecutor
	leave   func() // ends what Config.Reserve reserved

	// ctx ends when the socket begins to close. It is the socket's only context and carries its stream.Connection.
	ctx    context.Context
	cancel context.CancelFunc
	unread *addresslimit.Account // bytes that the client has not read, shared with its other connections

	// Used only by the reader. operationCtx is the context that operations start in; it derives from ctx.
	state        state
	operationCtx context.Context
	registered   bool // the descriptor is registered in the epoll

	ticket uint64 // of the latest parking; guarded by the poller's lock

	mu           sync.Mutex
	stalled      bool               // the client does not read; the socket is shut and waits for StallGrace
	draining     bool               // no operation starts; the socket closes when the last one has ended
	pendingClose *closeReply        // not nil: no operation starts; the socket closes so after the last answer
	closing      bool               // a close frame is queued or the connection is cut; nothing more is queued
	initialised  bool               // connection_ack was sent
	anonymous    bool               // nobody is signed in
	endListener  stream.EndListener // told when the socket begins to close; nil: nobody
	operations   []*operation       // those whose id is taken; few enough for a linear search
	started      uint64             // number of operations ever started
	running      int                // operations that have not finished, cancelled ones included
	queue        []frame
	queued       int  // bytes in queue
	writing      bool // a goroutine is in flush, or about to be
	missed       int  // pings sent since the peer was last heard
	deadlines    deadlines

	finished sync.WaitGroup // operations that have not finished
}

// open attaches an upgraded connection. The socket's context has base's values and ends when the socket closes.
func (c *conn) open(base context.Context, ws *websocket.Conn) {
	c.ws = ws
	c.ctx, c.cancel = context.WithCancel(stream.WithConnection(base, c))
	c.operationCtx = c.ctx
	ws.SetReadLimit(c.t.cfg.MaxInitBytes) // until connection_init is accepted
	ws.SetPingHandler(func(data string) error {
		c.markAlive()
		if !c.countMessage() {
			return nil
		}
		// A pong that finds the queue full is dropped: RFC 6455 section 5.5.3 requires an answer to the latest ping only.
		c.enqueue(frame{data: rawFrame(websocket.PongMessage, []byte(data))})
		return nil
	})
	ws.SetPongHandler(func(string) error {
		c.markAlive()
		c.countMessage()
		return nil
	})
	// The reader echoes a close frame itself, after it has stopped the operations.
	ws.SetCloseHandler(func(int, string) error { return nil })
}

func (c *conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// close begins to close the socket: it ends the operations and queues the close frame behind what is queued. The reader
// continues until the peer answers the close frame or CloseTimeout has passed. Only the first call has an effect.
func (c *conn) close(code int, reason string) {
	c.mu.Lock()
	if c.closing {
		stalled := c.stalled
		c.mu.Unlock()
		if stalled && code == CloseDraining {
			c.abort() // a drain does not wait for a stalled client
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
	// Each frame has a deadline of its own; this one bounds their sum, against a peer that does not read.
	c.clearDeadlines()
	c.setDeadline(closeDeadline, c.t.cfg.WriteTimeout+c.t.cfg.CloseTimeout)
	c.mu.Unlock()

	c.t.cfg.Logger.DebugContext(c.ctx, "closing a websocket", "code", code, "reason", reason)
	c.endAll()
	if start {
		go c.flush(first, nil)
	}
}

// shut ends the operations and drops the queue, without a close frame.
func (c *conn) shut() {
	c.mu.Lock()
	c.closing = true
	dropped := c.queue
	c.queue, c.queued = nil, 0
	c.mu.Unlock()
	for i := range dropped {
		c.unread.Release(dropped[i].countedBytes)
	}
	c.finishQueued(dropped)
	c.endAll()
}

// endAll ends the context, the session and the operations of a socket that is closing.
func (c *conn) endAll() {
	c.cancel()
	c.mu.Lock()
	endListener := c.endListener
	c.endListener = nil
	c.mu.Unlock()
	if endListener != nil {
		endListener.ConnectionEnded()
	}
	c.finishIdle()
	c.unpark()
}

// Draining implements stream.Connection.
func (c *conn) Draining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// End implements stream.Connection.
func (c *conn) End(cause error) {
	go c.closeGracefully(CloseForbidden, c.refusal(cause))
}

// OnEnd implements stream.Connection.
func (c *conn) OnEnd(e stream.EndListener) {
	c.mu.Lock()
	over := c.closing
	if !over {
		c.endListener = e
	}
	c.mu.Unlock()
	if over {
		e.ConnectionEnded()
	}
}

// abort cuts the connection. The reader notices and tears the socket down.
func (c *conn) abort() {
	c.shut()
	_ = c.ws.Close()
}

// teardown removes the socket. The reader calls it last, when it will read nothing more. The socket counts as open until its
// operations have finished, so that after Drain no operation uses the database.
func (c *conn) teardown() {
	c.shut()
	c.mu.Lock()
	c.clearDeadlines()
	c.mu.Unlock()
	_ = c.ws.Close()
	c.finished.Wait()
	c.t.remove(c)
}

func (c *conn) writeDeadline() time.Time { return time.Now().Add(c.t.cfg.WriteTimeout) }
