package auth

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/orderwire/orderwire/internal/bytelru"
)

const (
	// rememberFor bounds how long a token is accepted after its key was withdrawn.
	rememberFor = time.Minute
	// rememberBytes is the cache's size, enough for some ten thousand tokens; rememberedSize is the size of a principal, in bytes.
	rememberBytes  = 4 << 20
	rememberedSize = 400
)

// Remember returns a verifier that accepts a token for a minute after next has accepted it: checking a token is a tenth of the cost
// of a small request. The session's end is checked each time. A token is remembered by its hash, and one that is refused is not.
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
