package auth

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/orderwire/orderwire/internal/bytelru"
)

const (
	// rememberFor is how much longer than its issuer's keys a token may count.
	rememberFor = time.Minute
	// rememberBytes are some ten thousand tokens; rememberedSize is what a principal holds.
	rememberBytes  = 4 << 20
	rememberedSize = 400
)

// Remember is a verifier that for a minute does not check a token again that next has found good: reading and checking it
// is a tenth of what a small request takes. When a session ends is looked at each time. A token is remembered by its
// hash, and one that is refused is not.
func Remember(next Verifier) Verifier {
	return &memory{next: next, good: bytelru.New[remembered](rememberBytes), now: time.Now}
}

type memory struct {
	next Verifier
	good *bytelru.Cache[remembered]
	now  func() time.Time
}

type remembered struct {
	principal Principal
	until     time.Time
}

// Verify implements Verifier.
func (m *memory) Verify(ctx context.Context, token string) (Principal, error) {
	sum := sha256.Sum256([]byte(token))
	key, now := string(sum[:]), m.now()
	if known, ok := m.good.Get(key); ok && now.Before(known.until) && !known.principal.Expired(now) {
		return known.principal, nil
	}
	p, err := m.next.Verify(ctx, token)
	if err == nil {
		m.good.Add(key, remembered{principal: p, until: now.Add(rememberFor)}, rememberedSize)
	}
	return p, err
}
