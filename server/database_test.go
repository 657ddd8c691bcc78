package main

import (
	"testing"

	"github.com/orderwire/orderwire/internal/postgres"
)

// A statement that waits for a lock is told so before its connection is taken for dead, which would have the other pools drop theirs.
func TestLocksEndBeforeSilence(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]postgres.Limits{"shortLimits": shortLimits, "leaseLimits": leaseLimits} {
		if l.Lock <= 0 || l.Lock >= l.Silence {
			t.Errorf("%s: %v for a lock, %v of silence", name, l.Lock, l.Silence)
		}
	}
}
