package gqlws

import "net/http"

// Sockets returns the number of open sockets.
func (t *Transport) Sockets() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.sockets)
}

// reserve makes room for one socket, or returns the HTTP status that refuses the upgrade. leave ends what Config.Reserve
// reserved; release and remove call it.
func (t *Transport) reserve(r *http.Request) (leave func(), status int, reason string) {
	leave = func() {}
	if t.cfg.Reserve != nil {
		var ok bool
		if leave, ok = t.cfg.Reserve(r); !ok {
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

// signalGone reports that the last socket of a draining transport is gone. The transport's lock is held.
func (t *Transport) signalGone() {
	if !t.draining || t.reserved > 0 {
		return
	}
	select {
	case <-t.gone:
	default:
		close(t.gone)
		if p := t.poll.Swap(nil); p != nil {
			p.close()
		}
	}
}
