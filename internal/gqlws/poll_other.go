//go:build !linux

package gqlws

import "errors"

// poller does not exist on this system: each idle socket has a goroutine that waits.
type poller struct{}

func newPoller(func(*conn)) (*poller, error) { return nil, errors.ErrUnsupported }
func (*poller) park(*conn) bool              { return false }
func (*poller) unpark(*conn) bool            { return false }
func (*poller) count() int                   { return 0 }
func (*poller) close()                       {}
