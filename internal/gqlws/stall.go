package gqlws

import (
	"errors"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// fallAsleep shuts the socket when err says that its client does not read, and returns what there is to say about
// operations whose answers are dropped. It reports false when the connection broke, or the socket was closing already: then
// that is what the client was to be told, and it had its time.
func (c *conn) fallAsleep(err error) (unanswered []byte, asleep bool) {
	if !isTimeout(err) {
		return nil, false
	}
	c.mu.Lock()
	if asleep = !c.closing; asleep {
		unanswered = c.unanswered(true)
	}
	c.closing, c.asleep = true, asleep
	c.mu.Unlock()
	c.shut()
	return unanswered, asleep
}

// stalled is told of a frame that the client did not read within WriteTimeout, and how many of its bytes were sent. The
// socket is shut already: its operations have ended and its queue is dropped. A client that was only asleep shall still
// learn why: for StallGrace longer, the rest of the frame, what there is to say about unanswered operations, and a 4008 with
// its cursor are offered to it.
func (c *conn) stalled(f frame, sent int, unanswered []byte) {
	defer c.unread.Release(f.held)
	reason := slowReason
	if f.op != nil {
		reason = slowReasonFor(f.cursor, f.op.id)
	}
	last := rawFrame(websocket.CloseMessage, websocket.FormatCloseMessage(CloseSlowConsumer, closeReason(reason)))
	rest := append(append(f.data[min(sent, len(f.data)):], unanswered...), last...)
	nc := c.wire.Conn
	err := nc.SetWriteDeadline(time.Now().Add(c.t.cfg.StallGrace))
	if err == nil {
		_, err = nc.Write(rest)
	}
	if err == nil {
		err = nc.SetReadDeadline(time.Now().Add(c.t.cfg.CloseTimeout))
	}
	if err != nil {
		c.abort()
	}
}

// isTimeout tells a missed deadline from a broken connection.
func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}
