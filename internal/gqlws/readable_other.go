//go:build !unix

package gqlws

import "net"

// awaitReadable returns at once: on this system only a read can wait.
func awaitReadable(net.Conn) {}
