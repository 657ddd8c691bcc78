// Package quota bounds how much of something each of many may hold at once, such as the connections of an address.
package quota

import "sync"

// Quota counts what is held by each key. Its memory grows with what is held, not with who has ever asked.
type Quota struct {
	limit int

	mu   sync.Mutex
	held map[string]*holder
}

// holder is a key that holds something.
type holder struct {
	key string
	n   int
}

// place is one of what a holder has.
type place struct {
	quota  *Quota
	holder *holder // nil once it is given back
}

// New returns a quota of limit for each key.
func New(limit int) *Quota { return &Quota{limit: limit, held: map[string]*holder{}} }

// Take holds one for the key, until release is called, once or more often. It reports false, and release is nil, when the
// key holds as many as it may.
func (q *Quota) Take(key string) (release func(), ok bool) {
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
	return (&place{q, h}).give, true
}

// give gives the place back, once.
func (p *place) give() {
	q := p.quota
	q.mu.Lock()
	defer q.mu.Unlock()
	h := p.holder
	if h == nil {
		return
	}
	p.holder = nil
	if h.n--; h.n == 0 {
		delete(q.held, h.key)
	}
}

// Held is how many are held by all keys, and how many keys hold one.
func (q *Quota) Held() (total, keys int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, h := range q.held {
		total += h.n
	}
	return total, len(q.held)
}
