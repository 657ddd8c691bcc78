package event

import (
	"sync"

	"github.com/orderwire/orderwire/internal/order"
)

// cachedEvents is the number of published events kept for the feed. It is more than are committed while their positions are
// being assigned.
const cachedEvents = 2048

// eventCache keeps the events that were published last, so that the feed does not read them from the log. It drops the
// oldest.
type eventCache struct {
	mu     sync.Mutex
	events map[Key]*order.Event
	ring   []Key
	next   int
}

func newEventCache(size int) *eventCache {
	return &eventCache{events: map[Key]*order.Event{}, ring: make([]Key, 0, size)}
}

func (c *eventCache) add(e *order.Event) {
	key := Key{OrderID: e.Order.ID, Version: e.Version}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.events[key]; known {
		return
	}
	c.events[key] = e
	if len(c.ring) < cap(c.ring) {
		c.ring = append(c.ring, key)
		return
	}
	delete(c.events, c.ring[c.next])
	c.ring[c.next] = key
	c.next = (c.next + 1) % len(c.ring)
}

// get returns the event, or nil when it is not cached.
func (c *eventCache) get(key Key) *order.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.events[key]
}

// clear drops everything, because the log was restored.
func (c *eventCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events, c.ring, c.next = map[Key]*order.Event{}, make([]Key, 0, cap(c.ring)), 0
}
