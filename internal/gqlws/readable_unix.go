//go:build unix

package gqlws

import (
	"errors"
	"net"
	"syscall"
)

// awaitReadable returns when there is something to read, or the connection has ended or has a deadline that is over. It
// returns at once where that cannot be told.
func awaitReadable(nc net.Conn) {
	socket, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := socket.SyscallConn(); err == nil {
		_ = raw.Read(hasSomething) // its error is that of the next read too
	}
}

// hasSomething looks at a socket without taking from it. Where it finds nothing, the runtime waits.
func hasSomething(fd uintptr) bool {
	var one [1]byte
	_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
	return !errors.Is(err, syscall.EAGAIN)
}
