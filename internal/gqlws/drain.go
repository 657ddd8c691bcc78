package gqlws

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Drain refuses new sockets (503) and closes each open one with 1012, at a moment of its own within DrainJitter or half
// the time that ctx leaves, whichever is shorter. Before, its running operations end: queries and mutations are answered
// and subscriptions hand out what is queued, for at most DrainTimeout or a quarter of that time. It returns nil when all
// sockets and their operations are gone. When ctx ends first, the connections that are left are cut and ctx's error is
// returned.
func (t *Transport) Drain(ctx context.Context) error {
	t.mu.Lock()
	t.draining = true
	t.signalGone()
	open := make([]*conn, 0, len(t.sockets))
	for c := range t.sockets {
		open = append(open, c)
	}
	t.mu.Unlock()

	spread, patience := t.cfg.DrainJitter, t.cfg.DrainTimeout
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		spread, patience = min(spread, left/2), min(patience, left/4)
	}
	for _, c := range open {
		turn := jitter(spread)
		time.AfterFunc(turn, c.drain)
		time.AfterFunc(turn+patience, func() { c.close(CloseDraining, drainReason) })
	}
	select {
	case <-t.gone:
		return nil
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		for c := range t.sockets {
			c.abort()
		}
		return ctx.Err()
	}
}

func jitter(spread time.Duration) time.Duration {
	if spread <= 0 {
		return 0
	}
	return rand.N(spread)
}

// drain begins no more operations and closes the socket when those that run have ended.
func (c *conn) drain() {
	c.mu.Lock()
	first := !c.draining
	c.draining = true
	idle := c.running == 0
	asleep := c.asleep
	c.mu.Unlock()
	if idle || asleep {
		c.close(CloseDraining, drainReason)
	}
	if first {
		c.wakeAll()
	}
}

// wakeAll lets every stream say what it makes of the drain.
func (c *conn) wakeAll() {
	c.mu.Lock()
	all := slices.Clone(c.operations)
	c.mu.Unlock()
	for _, op := range all {
		op.Wake()
	}
}
