package gqlws

import "time"

// deadline is one of the moments at which a socket acts by itself.
type deadline int

const (
	initDeadline   deadline = iota // connection_init has not come
	pingDeadline                   // the next ping is due
	expiryDeadline                 // the session expires
	closeDeadline                  // the peer has not completed our close
	idleDeadline                   // an anonymous socket has had no operation for long
	deadlineCount                  // number of deadlines
)

// deadlines are all deadlines of a socket, with one timer for the nearest. Usually two are set, and a time.Timer is larger
// than all deadlines together.
type deadlines struct {
	at    [deadlineCount]time.Duration // since the transport began; 0: not set
	timer *time.Timer                  // nil until a deadline is set
	next  time.Duration                // when the timer fires; 0: stopped
}

// setDeadline sets a deadline to a time from now; one in the past acts at once. The socket's lock is held.
func (c *conn) setDeadline(d deadline, in time.Duration) {
	c.deadlines.at[d] = max(time.Since(c.t.started)+in, 1)
	c.resetTimer()
}

// clearDeadline removes a deadline, and reports whether it was set and had not passed. The socket's lock is held.
func (c *conn) clearDeadline(d deadline) bool {
	was := c.deadlines.at[d] != 0
	c.deadlines.at[d] = 0
	return was // the timer stays set and may fire for nothing
}

// clearDeadlines removes all deadlines. The socket's lock is held.
func (c *conn) clearDeadlines() {
	c.deadlines.at = [deadlineCount]time.Duration{}
	c.resetTimer()
}

// resetTimer sets the timer for the nearest deadline. The socket's lock is held.
func (c *conn) resetTimer() {
	s := &c.deadlines
	next := time.Duration(0)
	for _, at := range s.at {
		if at != 0 && (next == 0 || at < next) {
			next = at
		}
	}
	switch {
	case next == s.next:
	case next == 0:
		s.timer.Stop()
	case s.timer == nil:
		s.timer = time.AfterFunc(next-time.Since(c.t.started), c.timerFired)
	default:
		s.timer.Reset(next - time.Since(c.t.started))
	}
	s.next = next
}

// timerFired acts on the deadlines that have passed.
func (c *conn) timerFired() {
	var due [deadlineCount]bool
	c.mu.Lock()
	now := time.Since(c.t.started)
	for d, at := range c.deadlines.at {
		if at != 0 && at <= now {
			due[d], c.deadlines.at[d] = true, 0
		}
	}
	c.deadlines.next = 0
	c.resetTimer()
	c.mu.Unlock()
	if due[closeDeadline] {
		c.abort()
	}
	if due[initDeadline] {
		c.close(CloseInitTimeout, "Connection initialisation timeout")
	}
	if due[expiryDeadline] {
		c.closeGracefully(CloseForbidden, "Forbidden: session expired")
	}
	if due[idleDeadline] {
		c.closeIdle()
	}
	if due[pingDeadline] {
		c.ping()
	}
}
