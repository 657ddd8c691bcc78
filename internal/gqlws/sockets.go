package gqlws

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"
)

// Sockets returns the number of open sockets.
func (t *Transport) Sockets() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.sockets)
}

// reserve makes room for one socket, or tells with which status the upgrade is refused. leave gives the room of
// Config.Admit back, release and remove call it.
func (t *Transport) reserve(r *http.Request) (leave func(), status int, reason string) {
	leave = func() {}
	if t.cfg.Admit != nil {
		var ok bool
		if leave, ok = t.cfg.Admit(r); !ok {
			return nil, http.StatusTooManyRequests, "too many connections from your address"
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.draining:
		leave()
		return nil, http.StatusServiceUnavailable, drainReason
	case t.reserved >= t.cfg.MaxSockets:
		leave()
		return nil, http.StatusTooManyRequests, "too many connections"
	}
	t.reserved++
	return leave, 0, ""
}

func (t *Transport) release(leave func()) {
	leave()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reserved--
	t.signalGone()
}

func (t *Transport) add(c *conn) (draining bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sockets[c] = struct{}{}
	return t.draining
}

func (t *Transport) remove(c *conn) {
	c.leave()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.sockets, c)
	t.reserved--
	t.signalGone()
}

// signalGone is called with the lock held.
func (t *Transport) signalGone() {
	if !t.draining || t.reserved > 0 {
		return
	}
	select {
	case <-t.gone:
	default:
		close(t.gone)
	}
}

// Drain refuses new sockets (503) and closes each open one with 1012 after what waits in its queue, spread over
// DrainJitter or half the time that ctx leaves, whichever is shorter. It returns nil when all sockets and their
// operations are gone. When ctx ends first, the connections that are left are cut and ctx's error is returned.
func (t *Transport) Drain(ctx context.Context) error {
	t.mu.Lock()
	t.draining = true
	t.signalGone()
	open := make([]*conn, 0, len(t.sockets))
	for c := range t.sockets {
		open = append(open, c)
	}
	t.mu.Unlock()

	spread := t.cfg.DrainJitter
	if deadline, ok := ctx.Deadline(); ok {
		spread = min(spread, time.Until(deadline)/2)
	}
	for _, c := range open {
		time.AfterFunc(jitter(spread), func() { c.close(CloseDraining, drainReason) })
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
