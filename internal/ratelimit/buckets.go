package ratelimit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/orderwire/orderwire/internal/bytelru"
)

// buckets has a token bucket for each key: it refills with rate tokens a second and holds as many as one second brings. It
// keeps the most recent keys; a key that was dropped starts with a full bucket. Nil: no limit.
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

// take takes n of the key's tokens. If there are fewer, ok is false and retryAfter is the time until there are enough. An n above
// the bucket's size needs a full bucket.
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

// peek reports whether take of one token would succeed, and takes none.
func (b *buckets) peek(key string) (retryAfter time.Duration, ok bool) {
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
