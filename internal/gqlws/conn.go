package gqlws

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/stream"
)

// conn is one socket.
type conn struct {
	t       *Transport
	ws      *websocket.Conn
	metered *meteredConn
	dialect *dialect // nil: none was acceptable, the socket is only closed
	exec    graphql.GraphExecutor
	leave   func() // gives Config.Admit's room back

	// ctx ends when the socket begins to close.
	ctx    context.Context
	cancel context.CancelFunc
	// drained is closed when the operations are to end by themselves.
	drained chan struct{}

	// Of the reader's goroutine alone. session is what operations start in; it derives from ctx.
	state   state
	session context.Context

	mu         sync.Mutex
	asleep     bool        // the client does not read; the socket is shut and waits for StallGrace
	draining   bool        // no operation begins; the socket closes when the last has ended
	closing    bool        // a close frame is queued or the connection is cut: nothing more is queued
	endSession func() bool // undoes the watch over session's cancellation; nil before connection_ack
	operations map[string]*operation
	running    int // operations that are not over, those that were cancelled included
	queue      []frame
	writing    bool // somebody is in flush, or about to be
	missed     int  // pings sent since the peer was last heard of

	initTimer, expiryTimer, pingTimer, cutTimer *time.Timer

	finished sync.WaitGroup // operations that are not over
}

// newConn makes the socket of an upgraded connection. Its context has base's values and ends when it closes.
func newConn(base context.Context, t *Transport, ws *websocket.Conn, d *dialect, exec graphql.GraphExecutor) *conn {
	c := &conn{t: t, ws: ws, dialect: d, exec: exec, operations: make(map[string]*operation), drained: make(chan struct{})}
	if m, ok := ws.NetConn().(*meteredConn); ok { // it is hijacker's
		c.metered = m
	}
	c.ctx, c.cancel = context.WithCancel(stream.WithDrain(base, c.drained))
	c.session = c.ctx
	ws.SetReadLimit(t.cfg.MaxMessageBytes)
	ws.SetPingHandler(func(data string) error {
		c.heard()
		// When the queue is full this pong is left out: RFC 6455 section 5.5.3 wants the latest answered only.
		c.enqueue(frame{kind: websocket.PongMessage, data: []byte(data)})
		return nil
	})
	ws.SetPongHandler(func(string) error {
		c.heard()
		return nil
	})
	// The reader echoes a close frame itself, once it has stopped the operations.
	ws.SetCloseHandler(func(int, string) error { return nil })
	return c
}

// serve reads until the connection ends, then takes the socket down. It is the socket's only resident goroutine.
func (c *conn) serve() {
	defer c.teardown()
	defer func() {
		if p := recover(); p != nil {
			c.t.cfg.Logger.ErrorContext(c.ctx, "websocket reader panicked", "panic", p, "stack", string(debug.Stack()))
			c.close(CloseInternal, internalReason)
		}
	}()
	c.startTimers()
	for {
		frameType, data, err := c.ws.ReadMessage()
		if err != nil {
			c.readFailed(err)
			return
		}
		c.heard()
		switch {
		case c.isClosing(): // wait for the peer's close frame only
		case frameType == websocket.TextMessage && !utf8.Valid(data):
			c.close(CloseInvalidUTF8, "text frame is not UTF-8")
		default:
			c.receive(frameType, data)
		}
	}
}

func (c *conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// readFailed is told the error that ended reading.
func (c *conn) readFailed(err error) {
	wasClosing := c.isClosing()
	c.shut()
	var closed *websocket.CloseError
	if errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure {
		// The peer closes, or answers our close; then gorilla refuses this echo, which is fine.
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(closed.Code, ""), c.deadline())
		return
	}
	if errors.Is(err, websocket.ErrReadLimit) {
		// gorilla has said so already, except of a length that is above all limits; then this is refused, which is fine.
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(CloseMessageTooBig, ""), c.deadline())
	}
	if !wasClosing {
		// A message above the limit or a protocol error, for which gorilla has sent 1009 or 1002. What is still
		// arriving must be read, or the reset that closing with unread data causes overtakes the close frame.
		// On a broken connection this ends at once.
		c.linger()
	}
}

// linger reads and drops what the peer still sends, until it closes or CloseTimeout has passed.
func (c *conn) linger() {
	nc := c.ws.NetConn()
	if nc.SetReadDeadline(time.Now().Add(c.t.cfg.CloseTimeout)) == nil {
		_, _ = io.Copy(io.Discard, nc)
	}
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
	c.queue = append(c.queue, frame{
		kind: websocket.CloseMessage,
		data: websocket.FormatCloseMessage(code, closeReason(reason)),
	})
	start := !c.writing
	c.writing = true
	// The last resort against a peer that does not read: each frame has a deadline, their sum has this one.
	c.cutTimer = time.AfterFunc(c.t.cfg.WriteTimeout+c.t.cfg.CloseTimeout, c.abort)
	c.mu.Unlock()

	c.t.cfg.Logger.DebugContext(c.ctx, "websocket closes", "code", code, "reason", reason)
	c.cancel()
	c.finishIdle()
	if start {
		go c.flush(nil)
	}
}

// shut ends the operations and drops what is queued, without a close frame.
func (c *conn) shut() {
	c.mu.Lock()
	c.closing = true
	dropped := c.queue
	c.queue = nil
	c.mu.Unlock()
	c.cancel()
	c.finishQueued(dropped)
	c.finishIdle()
}

// abort cuts the connection; the reader then takes the socket down.
func (c *conn) abort() {
	c.shut()
	_ = c.ws.Close()
}

// teardown runs in the reader's goroutine when nothing will be read any more. The socket counts as gone only when its
// operations are over, so that Drain can promise that nobody uses the database any more.
func (c *conn) teardown() {
	c.shut()
	c.stopTimers()
	_ = c.ws.Close()
	c.finished.Wait()
	c.t.remove(c)
}

func (c *conn) deadline() time.Time { return time.Now().Add(c.t.cfg.WriteTimeout) }
