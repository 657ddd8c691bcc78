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
	// surgePercent is GOGC while a wave comes in, and restPercent otherwise. What stays of a wave lies scattered over as much
	// memory as was filled from one collection to the next, and Go cannot move it together: so this is kept small meanwhile.
	// From surgeMost on it is little for each of them, and a collection, which looks at all, takes long.
	surgePercent = 25
	restPercent  = 100
	surgeMost    = 20_000
)

// tide gives memory back to the system when many connections or subscriptions have come or gone and the wave has come to
// rest. What a wave leaves behind, the garbage of handshakes and requests, would else stay resident until the heap has
// doubled, which is never while they are only open. Under a steady load, however high, there is no wave.
type tide struct {
	count   func() int
	release func()
	pace    func(percent int) // how much the heap grows from one collection to the next

	mark int       // the number when memory was given back last
	last int       // the number at the last look
	calm int       // looks since it has changed
	then time.Time // when memory was given back last

	surging bool // a wave comes in
}

// newTide watches a number; nil when the operator has set Go's own GOGC or GOMEMLIMIT.
func newTide(count func() int) *tide {
	if ownMemoryLimits() {
		return nil
	}
	return &tide{count: count, release: release, pace: func(percent int) { debug.SetGCPercent(percent) }}
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
	switch {
	case n >= surgeMost, t.calm >= tideCalm, t.calm == 0 && n < t.last:
		t.surge(false)
	case t.calm == 0:
		t.surge(true)
	}
	t.last = n
	if t.calm < tideCalm || distance(n, t.mark) < max(tideSize, t.mark/tidePart) || now.Sub(t.then) < tidePause {
		return
	}
	t.release()
	t.mark, t.then = n, now
}

// surge says whether a wave comes in.
func (t *tide) surge(now bool) {
	if now == t.surging {
		return
	}
	t.surging = now
	if now {
		t.pace(surgePercent)
	} else {
		t.pace(restPercent)
	}
}

func distance(a, b int) int { return max(a-b, b-a) }
