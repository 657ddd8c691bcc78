// Package bytelru is an LRU cache whose size is counted in bytes, not in entries, because strangers choose the size of their
// requests.
package bytelru

import (
	"container/list"
	"sync"
)

// Cache keeps the most recently used values, up to a number of bytes. Make it with New; it is safe for concurrent use.
type Cache[V any] struct {
	limit int

	mu      sync.Mutex
	size    int
	entries map[string]*list.Element
	order   list.List // of *entry[V], most recently used first
}

type entry[V any] struct {
	key   string
	value V
	size  int
}

// New returns a cache of at most limit bytes. With 0 it keeps nothing.
func New[V any](limit int) *Cache[V] {
	return &Cache[V]{limit: limit, entries: map[string]*list.Element{}}
}

// Get returns the value that was added under key.
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

// Add keeps value under key and evicts the least recently used values. size is the value's size in memory in bytes; the
// key's length is added. A value larger than a quarter of the cache is not kept, because it would evict too many others.
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

// remove evicts an entry. The lock is held.
func (c *Cache[V]) remove(element *list.Element) {
	e := entryOf[V](element)
	c.order.Remove(element)
	delete(c.entries, e.key)
	c.size -= e.size
}

func entryOf[V any](element *list.Element) *entry[V] {
	return element.Value.(*entry[V]) //nolint:errcheck // nothing else is put into the list
}

// Size returns the number of bytes kept.
func (c *Cache[V]) Size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}
