//go:build unix

package gqlws

import (
	"errors"
	"net"
	"syscall"
)

// awaitReadable returns when there is something to read, or when the connection has ended or its deadline has passed. It
// returns at once for a connection that it cannot wait for.
func awaitReadable(nc net.Conn) {
	socket, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := socket.SyscallConn(); err == nil {
		_ = raw.Read(hasSomething) // the next read returns the same error
	}
}

// hasSomething peeks at a socket without consuming data. The runtime waits when it returns false.
func hasSomething(fd uintptr) bool {
	var one [1]byte
	_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
	return !errors.Is(err, syscall.EAGAIN)
}
