//go:build !unix

package gqlws

import "net"

// awaitReadable returns at once: here one can only wait by reading.
func awaitReadable(net.Conn) {}
