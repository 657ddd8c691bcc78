package auth

import (
	"context"
	"errors"
	"testing"
	"time"
)

// countingVerifier finds every token good but "bad", and counts.
type countingVerifier struct {
	asked   int
	expires time.Time
}

func (v *countingVerifier) Verify(_ context.Context, token string) (Principal, error) {
	v.asked++
	if token == "bad" {
		return Principal{}, errors.New("bad")
	}
	return Principal{Role: RoleCustomer, Subject: token, ExpiresAt: v.expires}, nil
}

// TestRemember asks again for a token that was refused, for another one, after a minute, and when the session has ended.
func TestRemember(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	next := &countingVerifier{expires: now.Add(100 * time.Second)}
	verifier, ok := Remember(next).(*memory)
	if !ok {
		t.Fatal("no memory")
	}
	verifier.now = func() time.Time { return now }
	for _, step := range []struct {
		name, token string
		after       time.Duration
		asked       int
	}{
		{"first", "a", 0, 1},
		{"known", "a", 0, 1},
		{"another", "b", 0, 2},
		{"refused", "bad", 0, 3},
		{"refused again", "bad", 0, 4},
		{"just within the minute", "a", time.Minute - 1, 4},
		{"after the minute", "a", 1, 5},
		{"known again", "a", 40*time.Second - 1, 5},
		{"the session has ended", "a", 1, 6},
	} {
		now = now.Add(step.after)
		p, err := verifier.Verify(t.Context(), step.token)
		if next.asked != step.asked {
			t.Errorf("%s: asked %d times, want %d", step.name, next.asked, step.asked)
		}
		if (err != nil) != (step.token == "bad") || err == nil && p.Subject != step.token {
			t.Errorf("%s: %+v, %v", step.name, p, err)
		}
	}
}
