package dbclock_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderwire/orderwire/internal/dbclock"
)

// In each case the machine's wall clock is far off. The Clock stays within the bounds, however long answers take, and
// follows when the database's clock is set.
func TestClock(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"OKAhead": 31 * time.Minute, "OKBehind": -31 * time.Minute, "OKRight": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				database := func() time.Time { return time.Now().Add(-skew) }
				c := dbclock.New(nil)
				ask := func(there, back time.Duration) {
					asked := time.Now()
					time.Sleep(there)
					answered := database()
					time.Sleep(back)
					c.Observe(asked, answered)
					if c.Now().Before(answered) {
						t.Fatalf("%s is before the answer of just now, %s", c.Now(), answered)
					}
				}
				if got := c.Skew(); got != 0 {
					t.Errorf("skew %s before the database was asked", got)
				}
				random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable, not secret
				worst := 10 * time.Second
				for range 1000 {
					there, back := time.Duration(random.IntN(1000))*time.Millisecond, time.Duration(random.IntN(1000))*time.Millisecond
					ask(there, back)
					worst = min(worst, back)
					if behind := database().Sub(c.Now()); behind < -2*time.Microsecond || behind > worst {
						t.Fatalf("behind by %s, want at most %s", behind, worst)
					}
					time.Sleep(time.Duration(random.IntN(10_000)) * time.Millisecond) // of the bubble's clock
				}
				if got := c.Skew(); (got - skew).Abs() > worst+2*time.Microsecond {
					t.Errorf("skew %s, want %s", got, skew)
				}
				// Another server takes over, whose clock is an hour behind; then one that is two hours ahead of that.
				for _, step := range []time.Duration{time.Hour, -2 * time.Hour} {
					skew += step
					ask(time.Millisecond, 2*time.Millisecond)
					if behind := database().Sub(c.Now()); behind < -2*time.Millisecond || behind > 3*time.Millisecond {
						t.Errorf("behind by %s after the database's clock was set", behind)
					}
				}
			})
		})
	}
}

// After answers that arrive at the same time and in any order, the clock is within the bounds of all of them.
func TestClockConcurrently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dbclock.New(nil)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				for range 20 {
					asked := time.Now()
					time.Sleep(time.Duration(i) * time.Millisecond) // of the bubble's clock
					answered := time.Now().Add(time.Hour)
					time.Sleep(time.Duration(50-i) * time.Millisecond) // of the bubble's clock
					c.Observe(asked, answered)
					if now := c.Now(); now.Before(answered) || now.After(time.Now().Add(time.Hour+2*time.Microsecond)) {
						t.Errorf("%s after the answer %s", now, answered)
					}
				}
			})
		}
		all.Wait()
	})
}
