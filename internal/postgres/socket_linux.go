package postgres

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// hungUp reports whether the other side has closed the connection, without waiting and without reading.
func hungUp(raw syscall.RawConn) bool {
	if raw == nil {
		return false
	}
	gone := false
	err := raw.Control(func(fd uintptr) {
		fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}} //nolint:gosec // a descriptor is a small number
		n, err := unix.Poll(fds[:], 0)
		gone = err == nil && n > 0
	})
	return gone || err != nil
}
