package addresslimit_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/orderwire/orderwire/internal/addresslimit"
)

func TestTake(t *testing.T) {
	t.Parallel()
	q := addresslimit.New(2)
	first, ok1 := q.Acquire("a")
	_, ok2 := q.Acquire("a")
	_, ok3 := q.Acquire("a")
	_, other := q.Acquire("b")
	if !ok1 || !ok2 || ok3 || !other {
		t.Fatalf("took %v %v %v and %v, want two of a and one of b", ok1, ok2, ok3, other)
	}
	first()
	first() // may be called more than once
	if _, ok := q.Acquire("a"); !ok {
		t.Error("what was released cannot be taken again")
	}
	if _, ok := q.Acquire("a"); ok {
		t.Error("releasing twice made room twice")
	}
}

// After any sequence of Take and release, nothing is held and no key is remembered.
func TestTakeLeavesNothing(t *testing.T) {
	t.Parallel()
	q := addresslimit.New(3)
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			if release, ok := q.Acquire(strconv.Itoa(i % 50)); ok {
				defer release()
			}
		})
	}
	wg.Wait()
	if total, keys := q.Held(); total != 0 || keys != 0 {
		t.Errorf("%d held by %d keys", total, keys)
	}
}
