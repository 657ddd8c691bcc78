package gqlws

import (
	"errors"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// shutIfStalled shuts the socket if err is a missed write deadline, which means that the client does not read. It returns the error
// messages of operations whose answers are dropped. It reports false if the connection broke, or if the socket was closing already:
// the client then had its time to read the close frame.
func (c *conn) shutIfStalled(err error) (unanswered []byte, stalled bool) {
	if !isTimeout(err) {
		return nil, false
	}
	c.mu.Lock()
	if stalled = !c.closing; stalled {
		unanswered = c.unanswered(true)
	}
	c.closing, c.stalled = true, stalled
	c.mu.Unlock()
	c.shut()
	return unanswered, stalled
}

// offerClose gives a stalled client StallGrace longer to read why it is closed. f is the frame that it did not read within
// WriteTimeout, and sent the number of its bytes that were written. The client is offered the rest of f, the messages about
// unanswered operations, and a 4008 with the cursor to resume from. The socket is already shut: its operations have ended
// and its queue is dropped.
func (c *conn) offerClose(f frame, sent int, unanswered []byte) {
	defer c.unread.Release(f.countedBytes)
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

// isTimeout distinguishes a missed deadline from a broken connection.
func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}
