//go:build !linux

package gqlws

import "errors"

// poller waits for sockets at rest. Here there is none: each socket has a goroutine that waits.
type poller struct{}

func newPoller(func(*conn)) (*poller, error) { return nil, errors.ErrUnsupported }
func (*poller) rest(*conn) bool              { return false }
func (*poller) release(*conn) bool           { return false }
func (*poller) count() int                   { return 0 }
func (*poller) close()                       {}
