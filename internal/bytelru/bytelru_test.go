package bytelru_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/orderwire/orderwire/internal/bytelru"
)

func TestCache(t *testing.T) {
	t.Parallel()
	c := bytelru.New[int](40)
	for i, key := range []string{"a", "b", "c", "d"} {
		c.Add(key, i, 9)
	}
	if got, ok := c.Get("a"); !ok || got != 0 || c.Size() != 40 {
		t.Fatalf("a is %d, %v; %d bytes are kept, want all 40", got, ok, c.Size())
	}
	c.Add("e", 4, 9)
	if _, ok := c.Get("b"); ok {
		t.Error("b was not given up, which was used longest ago")
	}
	if _, ok := c.Get("a"); !ok {
		t.Error("a was given up, which was used just before")
	}
	c.Add("a", 7, 1)
	if got, _ := c.Get("a"); got != 7 || c.Size() != 32 {
		t.Errorf("a is %d and %d bytes are kept; want the new value's size instead of the old one's", got, c.Size())
	}
	c.Add("large", 5, 20)
	if _, ok := c.Get("large"); ok {
		t.Error("a value above a quarter of the cache was kept")
	}
}

func TestCacheOfSizeZero(t *testing.T) {
	t.Parallel()
	c := bytelru.New[int](0)
	c.Add("a", 1, 1)
	if _, ok := c.Get("a"); ok || c.Size() != 0 {
		t.Error("it keeps something")
	}
}

func TestCacheStaysInBounds(t *testing.T) {
	t.Parallel()
	const limit = 1000
	c := bytelru.New[int](limit)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 2000 {
				key := strconv.Itoa(i * (worker + 1) % 300)
				if got, ok := c.Get(key); ok && strconv.Itoa(got) != key {
					t.Errorf("%s is %d", key, got)
				}
				value, _ := strconv.Atoi(key)
				c.Add(key, value, i%260)
				if size := c.Size(); size > limit {
					t.Errorf("%d bytes are kept", size)
				}
			}
		})
	}
	all.Wait()
}
