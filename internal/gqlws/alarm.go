package gqlws

import "time"

// alarm is something that a socket does when it is time.
type alarm int

const (
	initAlarm   alarm = iota // connection_init has not come
	pingAlarm                // the peer is asked for a sign of life
	expiryAlarm              // the session ends
	cutAlarm                 // the peer has not let us close
	idleAlarm                // an anonymous socket has had no operation for long
	alarms                   // how many there are
)

// clock is a socket's alarms, with one timer for the nearest: most of the time there are two, and a timer takes more than
// all else that is here.
type clock struct {
	at    [alarms]time.Duration // since the transport began; 0: not set
	timer *time.Timer           // nil until an alarm is set
	next  time.Duration         // when it rings, if it does
}

// set has the alarm ring in a while, or at once when that is over. The socket's lock is held.
func (c *conn) set(a alarm, in time.Duration) {
	c.clock.at[a] = max(time.Since(c.t.began)+in, 1)
	c.wind()
}

// unset stops the alarm, and reports whether it was set and had not rung. The socket's lock is held.
func (c *conn) unset(a alarm) bool {
	was := c.clock.at[a] != 0
	c.clock.at[a] = 0
	return was // the timer may ring for nothing
}

// silence stops all alarms. The socket's lock is held.
func (c *conn) silence() {
	c.clock.at = [alarms]time.Duration{}
	c.wind()
}

// wind sets the timer for the nearest alarm. The socket's lock is held.
func (c *conn) wind() {
	k := &c.clock
	next := time.Duration(0)
	for _, at := range k.at {
		if at != 0 && (next == 0 || at < next) {
			next = at
		}
	}
	switch {
	case next == k.next:
	case next == 0:
		k.timer.Stop()
	case k.timer == nil:
		k.timer = time.AfterFunc(next-time.Since(c.t.began), c.ring)
	default:
		k.timer.Reset(next - time.Since(c.t.began))
	}
	k.next = next
}

// ring is the timer's. It does what is due.
func (c *conn) ring() {
	var due [alarms]bool
	c.mu.Lock()
	now := time.Since(c.t.began)
	for a, at := range c.clock.at {
		if at != 0 && at <= now {
			due[a], c.clock.at[a] = true, 0
		}
	}
	c.clock.next = 0
	c.wind()
	c.mu.Unlock()
	if due[cutAlarm] {
		c.abort()
	}
	if due[initAlarm] {
		c.close(CloseInitTimeout, "Connection initialisation timeout")
	}
	if due[expiryAlarm] {
		c.retire(CloseForbidden, "Forbidden: session expired")
	}
	if due[idleAlarm] {
		c.closeIdle()
	}
	if due[pingAlarm] {
		c.ping()
	}
}
