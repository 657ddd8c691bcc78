// Package quota bounds how much of something each of many may hold at once, such as the connections of an address.
package quota

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

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

// Address is whom a request's connection is counted for: the peer's IPv4 address, or its IPv6 network of 64 bits, which
// is what one subscriber of a provider gets (RFC 6177). Headers such as X-Forwarded-For are not believed, because anyone can send
// them; behind a proxy that does not keep the address, all clients count as one, and the limit is to be set accordingly.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}
