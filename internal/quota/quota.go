// Package quota bounds how much of something each of many may hold at once, such as the connections of an address.
package quota

import "sync"

// Quota counts what is held by each key. Its memory grows with what is held, not with who has ever asked.
type Quota struct {
	limit int

	mu   sync.Mutex
	held map[string]int
}

// New returns a quota of limit for each key.
func New(limit int) *Quota { return &Quota{limit: limit, held: map[string]int{}} }

// Take holds one for the key, until release is called, once or more often. It reports false, and release is nil, when the
// key holds as many as it may.
func (q *Quota) Take(key string) (release func(), ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[key] >= q.limit {
		return nil, false
	}
	q.held[key]++
	return sync.OnceFunc(func() { q.give(key) }), true
}

func (q *Quota) give(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held[key]--
	if q.held[key] == 0 {
		delete(q.held, key)
	}
}

// Held is how many are held by all keys, and how many keys hold one.
func (q *Quota) Held() (total, keys int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, n := range q.held {
		total += n
	}
	return total, len(q.held)
}
