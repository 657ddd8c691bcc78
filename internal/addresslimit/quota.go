// Package addresslimit bounds how much of a resource each key may hold at once, such as the connections of an address.
package addresslimit

import "sync"

// Quota counts the units held by each key. Its memory grows with the units held, not with the number of keys that were ever
// used.
type Quota struct {
	limit int

	mu   sync.Mutex
	held map[string]*holder
}

// holder is a key that holds units.
type holder struct {
	key string
	n   int
}

// unit is one unit of a holder.
type unit struct {
	quota  *Quota
	holder *holder // nil once it is released
}

// New returns a quota of limit units for each key.
func New(limit int) *Quota { return &Quota{limit: limit, held: map[string]*holder{}} }

// Acquire takes one unit for the key. release returns it and may be called more than once. ok is false, and release is nil,
// when the key holds the limit.
func (q *Quota) Acquire(key string) (release func(), ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.held[key]
	switch {
	case h == nil && q.limit > 0:
		h = &holder{key: key}
		q.held[key] = h
	case h == nil || h.n >= q.limit:
		return nil, false
	}
	h.n++
	return (&unit{q, h}).release, true
}

// release returns the unit, once.
func (u *unit) release() {
	q := u.quota
	q.mu.Lock()
	defer q.mu.Unlock()
	h := u.holder
	if h == nil {
		return
	}
	u.holder = nil
	if h.n--; h.n == 0 {
		delete(q.held, h.key)
	}
}

// Held returns the number of units held, and the number of keys that hold them.
func (q *Quota) Held() (total, keys int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, h := range q.held {
		total += h.n
	}
	return total, len(q.held)
}
