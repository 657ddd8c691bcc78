package ratelimit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/orderwire/orderwire/internal/bytelru"
)

// buckets is a token bucket for each key: rate a second, and as many at once as a second brings. It remembers the keys
// that came last; one that is forgotten starts with a full bucket. Nil: no limit.
type buckets struct {
	rate int
	now  func() time.Time

	mu    sync.Mutex
	known *bytelru.Cache[*rate.Limiter]
}

func newBuckets(perSecond int, now func() time.Time) *buckets {
	if perSecond <= 0 {
		return nil
	}
	return &buckets{rate: perSecond, now: now, known: bytelru.New[*rate.Limiter](memory)}
}

// take takes n of the key's tokens. ok is false when it has not that many, and retryAfter is when it will. What is larger
// than a bucket needs a full one.
func (b *buckets) take(key string, n int) (retryAfter time.Duration, ok bool) {
	if b == nil {
		return 0, true
	}
	now := b.now()
	reservation := b.of(key).ReserveN(now, min(n, b.rate))
	if delay := reservation.DelayFrom(now); delay > 0 {
		reservation.CancelAt(now)
		return delay, false
	}
	return 0, true
}

// look is take of one token that leaves it there.
func (b *buckets) look(key string) (retryAfter time.Duration, ok bool) {
	if b == nil {
		return 0, true
	}
	now := b.now()
	reservation := b.of(key).ReserveN(now, 1)
	delay := reservation.DelayFrom(now)
	reservation.CancelAt(now)
	return delay, delay == 0
}

func (b *buckets) of(key string) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	limiter, found := b.known.Get(key)
	if !found {
		limiter = rate.NewLimiter(rate.Limit(b.rate), b.rate)
		b.known.Add(key, limiter, entryBytes)
	}
	return limiter
}
