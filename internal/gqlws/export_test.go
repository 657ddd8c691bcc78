package gqlws

import "maps"

// Resting returns the number of sockets that wait for their clients without a goroutine.
func (t *Transport) Resting() int {
	if p := t.poll.Load(); p != nil {
		return p.count()
	}
	return 0
}

// Aborter returns what cuts, each in a goroutine, the sockets that are open when it is called and are not open now.
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
