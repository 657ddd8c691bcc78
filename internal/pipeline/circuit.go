package pipeline

import (
	"math/rand/v2"
	"time"
)

const (
	// tripAfter is the number of calls in a row without an answer that opens a circuit.
	tripAfter = 8
	// probePause lies between an unanswered call and the next probe of an open circuit, give or take a quarter.
	probePause = time.Second
)

// circuit is a circuit breaker (Nygard, "Release It!", 2007) for the calls to one provider. It opens after tripAfter calls in a row without
// an answer. While it is open, one call at a time is let through as a probe; the first answer, a decline included, closes it. It tells the
// time by its caller's clock.
type circuit struct {
	unanswered int
	open       bool
	// probing: a probe is under way. probeAt is when the next one may begin.
	probing bool
	probeAt time.Time
}

// admits reports whether a call may be made; probe, that it would be a probe.
func (c *circuit) admits(now time.Time) (ok, probe bool) {
	if !c.open {
		return true, false
	}
	return !c.probing && !now.Before(c.probeAt), true
}

// answered records an answer and reports whether it has closed the circuit.
func (c *circuit) answered() (closed bool) {
	closed = c.open
	*c = circuit{}
	return closed
}

// failed records a call without an answer and reports whether it has opened the circuit.
func (c *circuit) failed(now time.Time) (opened bool) {
	c.unanswered++
	opened = !c.open && c.unanswered >= tripAfter
	c.open = c.open || opened
	if c.open {
		c.probeAt = now.Add(probePause*3/4 + rand.N(probePause/2)) //nolint:gosec // it spreads load
	}
	return opened
}
