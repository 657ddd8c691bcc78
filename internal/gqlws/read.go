package gqlws

import (
	"errors"
	"io"
	"runtime/debug"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// An idle socket must cost little memory. The transport's poller therefore waits for all idle sockets, and starts a
// goroutine (read) when a client has sent something. Without a poller, and while a socket closes, a goroutine of the socket
// waits (await), and starts another one to read. Two goroutines are cheaper than one here: handling a message grows the
// stack to 8 KiB or more, which a goroutine keeps while it lives; one that only waits has 2 KiB.
//
// Invariant: at any time exactly one of them owns the socket's reading side: the poller, await or read.

// park hands the idle socket to the poller, or to a goroutine that waits. Only the reader may call it, and must return.
func (c *conn) park() {
	if c.isClosing() { // a closing connection has a deadline, which the poller does not see
		go c.await()
		return
	}
	if p := c.t.poller(c); p == nil || !p.park(c) {
		go c.await()
	}
}

// unpark takes a closing socket back from the poller and has a goroutine wait for it, because only that one notices the
// connection's deadlines and its end. Code that sets c.closing calls it afterwards.
func (c *conn) unpark() {
	if p := c.t.poll.Load(); p != nil && p.unpark(c) {
		go c.await()
	}
}

// poller returns the transport's poller. It is created for the first socket that can use it; nil where sockets cannot be
// polled.
func (t *Transport) poller(c *conn) *poller {
	if p := t.poll.Load(); p != nil || c.wire.raw() == nil {
		return p
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.poll.Load(); p != nil {
		return p
	}
	p, err := newPoller(func(c *conn) { go c.read() })
	if err != nil { // goroutines wait instead; the next socket tries again
		t.cfg.Logger.DebugContext(c.ctx, "no poller for this websocket; it keeps a goroutine", "error", err)
		return nil
	}
	t.poll.Store(p)
	return p
}

// await waits until the client has sent something, then starts a reader. Over TLS it starts the reader at once, which then
// waits.
func (c *conn) await() {
	awaitReadable(c.wire.Conn) // the reader sees the error
	go c.read()
}

// read reads until nothing more has arrived, and then parks the socket. When the connection has ended it tears the socket
// down.
func (c *conn) read() {
	ended := true
	defer func() {
		if ended {
			c.teardown()
		}
	}()
	defer func() {
		if p := recover(); p != nil {
			c.t.cfg.Logger.ErrorContext(c.ctx, "websocket reader panicked", "panic", p, "stack", string(debug.Stack()))
			c.close(CloseInternal, internalReason)
		}
	}()
	for {
		if c.skipPongs() {
			ended = false
			c.park()
			return
		}
		frameType, data, err := c.ws.ReadMessage()
		if err != nil {
			c.readFailed(err)
			return
		}
		c.markAlive()
		switch {
		case c.isClosing(): // ignore everything but the peer's close frame
		case frameType == websocket.TextMessage && !utf8.Valid(data):
			c.close(CloseInvalidUTF8, "text frame is not UTF-8")
		default:
			c.receive(frameType, data)
		}
		if c.wire.canPark() {
			ended = false
			c.park()
			return
		}
	}
}

// skipPongs consumes pongs, and reports whether nothing else has arrived. gorilla would wait for a message after a pong, on
// a grown stack that every idle client would then keep after our first ping. It leaves anything but a plain pong to gorilla.
func (c *conn) skipPongs() bool {
	in := c.wire.buffer
	for {
		head, err := in.Peek(2)
		if err != nil || head[0] != 0x80|websocket.PongMessage || head[1] < 0x80 || head[1] > 0x80|125 {
			return false
		}
		whole := 2 + 4 + int(head[1]&0x7f) // header, mask, payload (RFC 6455 section 5.2)
		if _, err := in.Peek(whole); err != nil {
			return false
		}
		_, _ = in.Discard(whole) // all of it is in the buffer
		c.markAlive()
		c.countMessage()
		if c.wire.canPark() {
			return true
		}
	}
}

// readFailed ends the socket's reading after err.
func (c *conn) readFailed(err error) {
	wasClosing := c.isClosing()
	c.wire.maxUnfinished = 0 // do not count what linger drops
	c.shut()
	var closed *websocket.CloseError
	if errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure {
		// The peer closes, or answers our close frame. In the second case gorilla refuses this echo, as it should.
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(closed.Code, ""), c.writeDeadline())
		return
	}
	if errors.Is(err, websocket.ErrReadLimit) {
		// gorilla has sent 1009 itself and refuses this frame, except for a length above all its limits.
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(CloseMessageTooBig, ""), c.writeDeadline())
	}
	if !wasClosing {
		// gorilla has sent 1009 or 1002, for a message above the limit or a protocol error. What still arrives must be read
		// first: closing with unread data resets the connection, and the reset may overtake the close frame. On a broken
		// connection linger returns at once.
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
