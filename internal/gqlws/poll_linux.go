package gqlws

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// poller waits for the sockets at rest of one transport, all in one epoll, so that none of them needs a goroutine. A
// socket is at rest while it is in resting; whoever takes it out, and nobody else, goes on with it. So there is one who
// reads at any time, whatever happens at once: something arrives, the socket is aborted, the server drains.
//
// Each rest has a ticket of its own, which the kernel hands back. An event that comes late, of a rest that is over or of
// a descriptor that belongs to another connection by now, finds nothing under its ticket.
type poller struct {
	epoll int
	file  *os.File // epoll, as the runtime waits for it
	wake  func(*conn)

	mu      sync.Mutex
	last    uint64
	resting map[uint64]*conn
}

// newPoller makes an epoll and the goroutine that waits for it, and calls wake, which must not wait, for each socket whose
// client has said something. Close it.
func newPoller(wake func(*conn)) (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// Then an os.File has the runtime wait for it, and no thread is held.
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &poller{epoll: fd, file: os.NewFile(uintptr(fd), "epoll"), wake: wake, resting: map[uint64]*conn{}}
	raw, err := p.file.SyscallConn()
	if err != nil {
		_ = p.file.Close()
		return nil, err
	}
	go p.run(raw)
	return p, nil
}

// close ends the waiting. No socket is left, and none comes.
func (p *poller) close() { _ = p.file.Close() }

// run wakes sockets until the poller is closed.
func (p *poller) run(raw syscall.RawConn) {
	var events [128]syscall.EpollEvent
	// Read waits whenever the function says that there is nothing more.
	_ = raw.Read(func(uintptr) bool {
		for {
			n, err := syscall.EpollWait(p.epoll, events[:], 0)
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if n <= 0 {
				return false
			}
			p.happened(events[:n])
		}
	})
}

// happened ends the rests that the events are about.
func (p *poller) happened(events []syscall.EpollEvent) {
	for _, e := range events {
		if c := p.take(ticketOf(e)); c != nil {
			p.wake(c)
		}
	}
}

// rest makes the poller wait for the client in the place of the caller, who reads. false: it cannot, the caller goes on.
func (p *poller) rest(c *conn) bool {
	raw := c.wire.raw()
	if raw == nil {
		return false
	}
	operation := syscall.EPOLL_CTL_ADD
	if c.polled { // a descriptor that rests again is known to the kernel already
		operation = syscall.EPOLL_CTL_MOD
	}
	c.polled = true
	ticket := p.enter(c) // from here on it may be another's
	var failed error
	err := raw.Control(func(fd uintptr) { // it cannot be closed meanwhile
		// One shot: what comes after it is for who is woken to read.
		event := syscall.EpollEvent{
			Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT,
			Fd:     int32(uint32(ticket)), Pad: int32(uint32(ticket >> 32)), //nolint:gosec // its two halves
		}
		failed = syscall.EpollCtl(p.epoll, operation, int(fd), &event)
	})
	if err == nil && failed == nil && !c.isClosing() { // who closes it sets that, and takes it out after
		return true
	}
	if p.take(ticket) == nil {
		return true // somebody has taken it out meanwhile, and reads
	}
	c.polled = err == nil && failed == nil
	return false
}

// release takes the socket out if it is at rest; then the caller goes on with it.
func (p *poller) release(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.resting[c.ticket] != c {
		return false
	}
	delete(p.resting, c.ticket)
	return true
}

// count is how many sockets rest.
func (p *poller) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.resting)
}

// enter gives the socket a ticket.
func (p *poller) enter(c *conn) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	p.resting[p.last] = c
	c.ticket = p.last
	return p.last
}

// take ends the rest that the ticket is for, and returns whose it was; nil when it has ended before.
func (p *poller) take(ticket uint64) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.resting[ticket]
	delete(p.resting, ticket)
	return c
}

// ticketOf is the ticket of the rest that an event is about.
func ticketOf(e syscall.EpollEvent) uint64 {
	return uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32 //nolint:gosec // its two halves
}
