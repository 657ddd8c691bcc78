package gqlws

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Drain refuses new sockets with 503 and closes each open one with 1012. Each closes at a random moment within DrainJitter
// or half of the time that ctx leaves, whichever is shorter. From that moment on, its running operations have DrainTimeout,
// or a quarter of that time if shorter, to end: queries and mutations are answered, and subscriptions hand out their queued
// items. Drain returns nil when all sockets and their operations are gone. When ctx ends first, it cuts the remaining
// connections and returns ctx's error.
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

// drain starts no more operations and closes the socket when the running ones have ended.
func (c *conn) drain() {
	c.mu.Lock()
	first := !c.draining
	c.draining = true
	idle := c.running == 0
	stalled := c.stalled
	c.mu.Unlock()
	if idle || stalled {
		c.close(CloseDraining, drainReason)
	}
	if first {
		c.wakeAll()
	}
}

// wakeAll wakes every stream, so that it notices the drain.
func (c *conn) wakeAll() {
	c.mu.Lock()
	all := slices.Clone(c.operations)
	c.mu.Unlock()
	for _, op := range all {
		op.Wake()
	}
}
