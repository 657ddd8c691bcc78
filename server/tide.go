package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

const (
	// tideLook is how often the connections are counted. A wave is over when for tideCalm looks in a row their number has
	// hardly changed.
	tideLook = 500 * time.Millisecond
	tideCalm = 3
	// tideSize is the smallest wave, and its smallest part of what was there before: one of a hundredth leaves little.
	tideSize = 500
	tidePart = 10
	// tidePause bounds what waves that follow each other can cost.
	tidePause = 5 * time.Second
)

// tide gives memory back to the system when many connections or subscriptions have come or gone and the wave has come to
// rest. What a wave leaves behind, the garbage of handshakes and requests, would else stay resident until the heap has
// doubled, which is never while they are only open. Under a steady load, however high, there is no wave.
type tide struct {
	count   func() int
	release func()

	mark int       // the number when memory was given back last
	last int       // the number at the last look
	calm int       // looks since it has changed
	then time.Time // when memory was given back last
}

// newTide watches a number; nil when the operator has set Go's own GOGC or GOMEMLIMIT.
func newTide(count func() int) *tide {
	if ownMemoryLimits() {
		return nil
	}
	return &tide{count: count, release: release}
}

// release collects twice: what is pooled (sync.Pool) outlives one collection.
func release() {
	runtime.GC()
	debug.FreeOSMemory()
}

// run looks until ctx ends.
func (t *tide) run(ctx context.Context) error {
	if t == nil {
		return nil
	}
	look := time.NewTicker(tideLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-look.C:
			t.look(now)
		}
	}
}

func (t *tide) look(now time.Time) {
	n := t.count()
	if distance(n, t.last) > n/100+1 {
		t.calm = 0
	} else {
		t.calm++
	}
	t.last = n
	if t.calm < tideCalm || distance(n, t.mark) < max(tideSize, t.mark/tidePart) || now.Sub(t.then) < tidePause {
		return
	}
	t.release()
	t.mark, t.then = n, now
}

func distance(a, b int) int { return max(a-b, b-a) }
