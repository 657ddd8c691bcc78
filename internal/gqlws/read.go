package gqlws

import (
	"errors"
	"io"
	"runtime/debug"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// While its client says nothing, a socket rests: the transport's poller waits for it, and starts a goroutine to read what
// comes. Where there is no poller, and while the socket closes, a goroutine waits (await), and leaves the reading and what
// comes of it to another (read): handling a message needs a stack of 8 KiB or more, which stays with a goroutine as long
// as it lives; one that only ever waits has 2.

// settle leaves the socket until its client says something. The caller is the one who reads, and does not go on.
func (c *conn) settle() {
	if c.isClosing() { // then there is a deadline, which the poller does not see
		go c.await()
		return
	}
	if p := c.t.poller(c); p == nil || !p.rest(c) {
		go c.await()
	}
}

// rouse has a goroutine wait for a socket that rests in the poller, now that it is closing: the connection's deadlines, and
// its end, wake that one. Whoever sets c.closing calls it then.
func (c *conn) rouse() {
	if p := c.t.poll.Load(); p != nil && p.release(c) {
		go c.await()
	}
}

// poller is the transport's, made when the first socket can use it; nil when there is none.
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
		t.cfg.Logger.DebugContext(c.ctx, "no poller for websockets", "error", err)
		return nil
	}
	t.poll.Store(p)
	return p
}

// await waits for the client. Where one can only wait by reading (TLS), it reads.
func (c *conn) await() {
	awaitReadable(c.wire.Conn) // an error shows when reading
	go c.read()
}

// read reads until there is nothing more now, or the connection ends; then it takes the socket down.
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
			c.settle()
			return
		}
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
		if c.wire.quiet() {
			ended = false
			c.settle()
			return
		}
	}
}

// skipPongs takes the pongs that come next, and reports whether nothing else did. gorilla would go on to wait for a
// message behind them, and that with a stack that all idle clients would have after our first ping. Anything that is not
// a plain pong is left to it.
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
		_, _ = in.Discard(whole) // it is there
		c.heard()
		c.count()
		if c.wire.quiet() {
			return true
		}
	}
}

// readFailed is told the error that ended reading.
func (c *conn) readFailed(err error) {
	wasClosing := c.isClosing()
	c.wire.most = 0 // what still arrives is dropped
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
