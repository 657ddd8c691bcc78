package gqlws

import (
	"bufio"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// wire is the connection below gorilla. Our own frames bypass gorilla, which would copy each frame and write it with a
// system call of its own. gorilla writes the answer to the upgrade and all close frames.
type wire struct {
	net.Conn
	buffer *bufio.Reader // the socket reads through it

	mu          sync.Mutex // held while whole frames are written
	closed      bool       // a close frame was sent; nothing may follow it
	deadlineSet time.Time  // when the write deadline was set

	// unfinished counts the bytes read since the last whole message or control frame; maxUnfinished bounds it. Only the
	// reader uses them.
	unfinished, maxUnfinished int
}

// Read implements net.Conn for the socket's reads. gorilla bounds the payload of a message but not the number of its frames,
// which may be empty. A bound on bytes covers both.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.unfinished += n; err == nil && w.maxUnfinished > 0 && w.unfinished > w.maxUnfinished {
		return n, websocket.ErrReadLimit
	}
	return n, err
}

// raw returns the descriptor for polling; nil when there is none. Over TLS a readable descriptor does not mean that there is
// data.
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

// canPark reports whether the socket can wait for its next frame without a read: no byte of it is buffered.
func (w *wire) canPark() bool {
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

// send writes whole frames within the timeout and returns how many bytes were written. The deadline is set when the first of
// several consecutive frames is written, and renewed only when an eighth of the timeout has passed: setting it takes 4 % of
// the time of a write. So each frame has at least seven eighths of the timeout.
func (w *wire) send(frames []byte, timeout time.Duration) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, websocket.ErrCloseSent
	}
	if now := time.Now(); now.Sub(w.deadlineSet) > timeout/8 {
		if err := w.SetWriteDeadline(now.Add(timeout)); err != nil {
			return 0, err
		}
		w.deadlineSet = now
	}
	return w.Conn.Write(frames)
}
