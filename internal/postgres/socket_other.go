//go:build !linux

package postgres

import "syscall"

// hungUp never knows here: what the other side has closed is found by the statement that is sent.
func hungUp(syscall.RawConn) bool { return false }
