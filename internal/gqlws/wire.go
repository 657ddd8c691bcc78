package gqlws

import (
	"bufio"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// wire is the connection below gorilla. Our frames are written to it as they are, since gorilla would copy each and
// take a system call for it; gorilla writes the answer to the upgrade and the close frames, its own included.
type wire struct {
	net.Conn
	buffer *bufio.Reader // what the socket reads through

	mu     sync.Mutex // of whole frames
	closed bool       // a close frame was sent, behind which nothing may follow
	armed  time.Time  // when the deadline was set

	// since is how many bytes were read since the last whole message or control frame, and most how many there may be. They are the
	// reader's.
	since, most int
}

// Read implements net.Conn for what the socket reads through. gorilla bounds the payload of a message and not its frames, of which any
// number may be empty; bytes bound both.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.since += n; err == nil && w.most > 0 && w.since > w.most {
		return n, websocket.ErrReadLimit
	}
	return n, err
}

// raw is the descriptor that one can wait for instead of reading; nil when there is none, as with TLS, where what is
// ready below says nothing.
func (w *wire) raw() syscall.RawConn {
	socket, ok := w.Conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// quiet reports whether the next frame can be waited for without reading: nothing of it has been read yet.
func (w *wire) quiet() bool {
	_, waits := w.Conn.(syscall.Conn)
	return waits && w.buffer.Buffered() == 0
}

// Write implements net.Conn for gorilla.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = w.closed || p[0] == 0x80|websocket.CloseMessage
	return w.Conn.Write(p)
}

// send writes whole frames within the timeout, and says how much of them was written. The deadline counts for the first
// of them on. It is not set anew for each of many in a row, which would take 4 % of the time of a write, but as soon as
// an eighth of it has passed: no frame has less than seven eighths.
func (w *wire) send(frames []byte, timeout time.Duration) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, websocket.ErrCloseSent
	}
	if now := time.Now(); now.Sub(w.armed) > timeout/8 {
		if err := w.SetWriteDeadline(now.Add(timeout)); err != nil {
			return 0, err
		}
		w.armed = now
	}
	return w.Conn.Write(frames)
}
