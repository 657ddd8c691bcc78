package event

import (
	"sync"

	"github.com/orderwire/orderwire/internal/order"
)

// recentEvents is how many published events are kept for the feed: more than are committed in the time that giving
// them positions takes.
const recentEvents = 2048

// recent keeps the events that this process published last, so that the feed need not read from the log what this
// process wrote to it. It forgets the oldest.
type recent struct {
	mu     sync.Mutex
	events map[Key]*order.Event
	ring   []Key
	next   int
}

func newRecent(size int) *recent {
	return &recent{events: map[Key]*order.Event{}, ring: make([]Key, 0, size)}
}

func (r *recent) add(e *order.Event) {
	key := Key{OrderID: e.Order.ID, Version: e.Version}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.events[key]; known {
		return
	}
	r.events[key] = e
	if len(r.ring) < cap(r.ring) {
		r.ring = append(r.ring, key)
		return
	}
	delete(r.events, r.ring[r.next])
	r.ring[r.next] = key
	r.next = (r.next + 1) % len(r.ring)
}

// get returns the event, nil when it is not among the recent ones.
func (r *recent) get(key Key) *order.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[key]
}

// clear forgets everything: the log was restored.
func (r *recent) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events, r.ring, r.next = map[Key]*order.Event{}, make([]Key, 0, cap(r.ring)), 0
}
