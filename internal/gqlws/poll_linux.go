package gqlws

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// poller waits for all parked sockets of a transport in one epoll, so that none of them needs a goroutine.
//
// A socket is parked while it is in the map parked. The goroutine that removes it from the map owns its reading side. So there is
// exactly one reader, even if data arrives while the socket is aborted and the server drains.
//
// Each parking has a new ticket, which the kernel returns with the event. A late event, of a parking that is over or of a
// descriptor that now belongs to another connection, finds no socket under its ticket.
type poller struct {
	epoll int
	file  *os.File // epoll, wrapped so that the runtime can wait for it
	wake  func(*conn)

	mu     sync.Mutex
	last   uint64
	parked map[uint64]*conn
}

// newPoller creates an epoll and the goroutine that waits for it. It calls readable for each parked socket with something to
// read; readable must not block. Close the poller.
func newPoller(wake func(*conn)) (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// The runtime waits for a non-blocking os.File without holding a thread.
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &poller{epoll: fd, file: os.NewFile(uintptr(fd), "epoll"), wake: wake, parked: map[uint64]*conn{}}
	raw, err := p.file.SyscallConn()
	if err != nil {
		_ = p.file.Close()
		return nil, err
	}
	go p.run(raw)
	return p, nil
}

// close stops the poller. No socket may be parked, and none may come.
func (p *poller) close() { _ = p.file.Close() }

// run hands out readable sockets until the poller is closed.
func (p *poller) run(raw syscall.RawConn) {
	var events [128]syscall.EpollEvent
	// Read waits each time the function returns false.
	_ = raw.Read(func(uintptr) bool {
		for {
			n, err := syscall.EpollWait(p.epoll, events[:], 0)
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if n <= 0 {
				return false
			}
			p.handle(events[:n])
		}
	})
}

// handle unparks the sockets that the events are for.
func (p *poller) handle(events []syscall.EpollEvent) {
	for _, e := range events {
		if c := p.take(ticketOf(e)); c != nil {
			p.wake(c)
		}
	}
}

// park makes the poller wait for the socket's client. The caller is the reader; after true it no longer is. It returns false
// when the socket cannot be parked.
func (p *poller) park(c *conn) bool {
	raw := c.wire.raw()
	if raw == nil {
		return false
	}
	operation := syscall.EPOLL_CTL_ADD
	if c.registered { // the epoll still has the descriptor of a socket that was parked before
		operation = syscall.EPOLL_CTL_MOD
	}
	c.registered = true
	ticket := p.add(c) // from here on another goroutine may unpark it
	var failed error
	err := raw.Control(func(fd uintptr) { // the descriptor cannot be closed meanwhile
		// One shot: after its event, a descriptor is silent until it is parked again.
		event := syscall.EpollEvent{
			Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT,
			Fd:     int32(uint32(ticket)), Pad: int32(uint32(ticket >> 32)), //nolint:gosec // its two halves
		}
		failed = syscall.EpollCtl(p.epoll, operation, int(fd), &event)
	})
	if err == nil && failed == nil && !c.isClosing() { // close sets closing first and unparks after it, so one of both sees the other
		return true
	}
	if p.take(ticket) == nil {
		return true // another goroutine has unparked it, and reads
	}
	c.registered = err == nil && failed == nil
	return false
}

// unpark removes the socket if it is parked. After true the caller owns its reading side.
func (p *poller) unpark(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parked[c.ticket] != c {
		return false
	}
	delete(p.parked, c.ticket)
	return true
}

// count returns the number of parked sockets.
func (p *poller) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.parked)
}

// add puts the socket into the map under a new ticket.
func (p *poller) add(c *conn) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	p.parked[p.last] = c
	c.ticket = p.last
	return p.last
}

// take removes and returns the socket with the ticket; nil when it is no longer parked.
func (p *poller) take(ticket uint64) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.parked[ticket]
	delete(p.parked, ticket)
	return c
}

// ticketOf returns the ticket in an event.
func ticketOf(e syscall.EpollEvent) uint64 {
	return uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32 //nolint:gosec // its two halves
}
