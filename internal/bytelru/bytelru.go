// Package bytelru is a cache whose size is counted in bytes, not in entries: what strangers fill must not grow with what
// they choose to send.
package bytelru

import (
	"container/list"
	"sync"
)

// Cache keeps the values that were used last, up to a number of bytes. Make it with New; it is safe for concurrent use.
type Cache[V any] struct {
	limit int

	mu      sync.Mutex
	size    int
	entries map[string]*list.Element
	order   list.List // of *entry[V], the one used last in front
}

type entry[V any] struct {
	key   string
	value V
	size  int
}

// New makes a cache of at most limit bytes. With 0 it keeps nothing.
func New[V any](limit int) *Cache[V] {
	return &Cache[V]{limit: limit, entries: map[string]*list.Element{}}
}

// Get gives the value that was added under key.
func (c *Cache[V]) Get(key string) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(element)
	return entryOf[V](element).value, true
}

// Add keeps value under key and gives up what was not used for longest. size is what the value holds in memory, in bytes;
// the key's length is added to it. A value that takes more than a quarter of the cache is not kept: it would cost too
// many others their place.
func (c *Cache[V]) Add(key string, value V, size int) {
	size += len(key)
	if size > c.limit/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.entries[key]; ok {
		c.remove(element)
	}
	c.size += size
	c.entries[key] = c.order.PushFront(&entry[V]{key, value, size})
	for c.size > c.limit {
		c.remove(c.order.Back())
	}
}

// remove is called with the lock held.
func (c *Cache[V]) remove(element *list.Element) {
	e := entryOf[V](element)
	c.order.Remove(element)
	delete(c.entries, e.key)
	c.size -= e.size
}

func entryOf[V any](element *list.Element) *entry[V] {
	return element.Value.(*entry[V]) //nolint:errcheck // nothing else is put into the list
}

// Size is how many bytes are kept.
func (c *Cache[V]) Size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}
