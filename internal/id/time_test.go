package id_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
)

func TestAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 4, 5, 6, 789_123_000, time.UTC)
	seen := map[uuid.UUID]bool{}
	for range 1000 {
		u := id.At[uuid.UUID](now)
		if u.Version() != 7 || u.Variant() != uuid.RFC4122 || seen[u] {
			t.Fatalf("%s: version %d, variant %s, or not fresh", u, u.Version(), u.Variant())
		}
		seen[u] = true
		if seconds, nanos := u.Time().UnixTime(); seconds != now.Unix() || nanos/1e6 != 789 {
			t.Fatalf("the library reads %d.%09d from %s, want %s", seconds, nanos, u, now)
		}
		if before, after := id.At[uuid.UUID](now.Add(-time.Microsecond)), id.At[uuid.UUID](now.Add(time.Microsecond)); bytes.Compare(before[:], u[:]) >= 0 || bytes.Compare(u[:], after[:]) >= 0 {
			t.Fatalf("%s, %s and %s are a microsecond apart and do not sort so", before, u, after)
		}
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 4, 5, 6, 0, time.UTC)
	last := id.At[uuid.UUID](now.Add(31 * time.Minute)) // made where the clock is ahead
	for i := range 10_000 {
		next := id.After(last, now)
		if bytes.Compare(next[:], last[:]) <= 0 || next.Version() != 7 || next.Variant() != uuid.RFC4122 {
			t.Fatalf("%d: %s after %s", i, next, last)
		}
		last = next
	}
	if first := id.After(uuid.Nil, now); !bytes.HasPrefix(first[:], firstBytes(now)) {
		t.Errorf("%s is not of %s", first, now)
	}
}

func firstBytes(now time.Time) []byte {
	u := id.At[uuid.UUID](now)
	return u[:8]
}
