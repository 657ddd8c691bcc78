package gqlws

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// meteredConn counts what has been written, so that a frame whose deadline has passed can be finished later.
type meteredConn struct {
	net.Conn
	written atomic.Int64  // bytes
	buffer  *bufio.Reader // what the socket reads through
}

// quiet reports whether the next frame can be waited for without reading: nothing of it has been read yet.
func (m *meteredConn) quiet() bool {
	_, waits := m.Conn.(syscall.Conn)
	return waits && m.buffer.Buffered() == 0
}

// Write implements net.Conn.
func (m *meteredConn) Write(p []byte) (int, error) {
	n, err := m.Conn.Write(p)
	m.written.Add(int64(n))
	return n, err
}

// fallAsleep shuts the socket of a client that does not read. It reports false when the socket was closing already:
// then that is what the client was to be told, and it had its time.
func (c *conn) fallAsleep() bool {
	c.mu.Lock()
	asleep := !c.closing
	c.closing, c.asleep = true, asleep
	c.mu.Unlock()
	c.shut()
	return asleep
}

// stalled is told of a frame that the client did not read within WriteTimeout, and how many of its bytes were sent. The
// socket is shut already: its operations have ended and its queue is dropped. A client that was only asleep shall still
// learn why: for StallGrace longer, the rest of the frame and a 4008 with its cursor are offered to it, past gorilla,
// which gives a connection up at the first missed deadline.
func (c *conn) stalled(f frame, sent int64) {
	raw := rawFrame(f.kind, f.data)
	reason := slowReason
	if f.op != nil {
		reason = slowReasonFor(f.cursor, f.op.id)
	}
	last := rawFrame(websocket.CloseMessage, websocket.FormatCloseMessage(CloseSlowConsumer, closeReason(reason)))
	rest := append(raw[min(sent, int64(len(raw))):], last...)
	nc := c.ws.NetConn()
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

// rawFrame is a whole, final frame as a server sends it: unmasked (RFC 6455 section 5.2).
func rawFrame(kind int, data []byte) []byte {
	out := make([]byte, 0, 10+len(data))
	out = append(out, 0x80|byte(kind))
	switch n := len(data); {
	case n < 126:
		out = append(out, byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 127), uint64(n))
	}
	return append(out, data...)
}
