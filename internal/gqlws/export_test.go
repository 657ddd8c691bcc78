package gqlws

import "maps"

// Parked returns the number of idle sockets without a goroutine.
func (t *Transport) Parked() int {
	if p := t.poll.Load(); p != nil {
		return p.count()
	}
	return 0
}

// Aborter returns a function that aborts the sockets opened since Aborter was called, each in a goroutine of its own.
func (t *Transport) Aborter() func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := maps.Clone(t.sockets)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for c := range t.sockets {
			if _, found := old[c]; !found {
				go c.abort()
			}
		}
	}
}
