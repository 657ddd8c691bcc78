package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

const (
	// tideLook is how often the connections are counted. A burst is over when their number has hardly changed for tideCalm counts
	// in a row.
	tideLook = 500 * time.Millisecond
	tideCalm = 3
	// tideSize is the smallest burst, in connections, and tidePart the smallest part of the earlier number: a smaller burst leaves
	// little garbage.
	tideSize = 500
	tidePart = 10
	// tidePause bounds the cost of consecutive bursts.
	tidePause = 5 * time.Second
	// surgePercent is GOGC during a burst of new connections, and restPercent otherwise. The objects that stay are scattered over the
	// memory that was allocated between two collections, and Go cannot compact it, so that memory is kept small meanwhile. From
	// surgeMost connections on the fragmentation per connection is small, and a collection, which scans the whole heap, takes long.
	surgePercent = 25
	restPercent  = 100
	surgeMost    = 20_000
)

// tide returns memory to the system after many connections or subscriptions were opened or closed. Otherwise the garbage of their
// handshakes and requests would stay resident until the heap has doubled, which never happens while they are idle. A steady load,
// however high, is no burst.
type tide struct {
	count   func() int
	release func()
	pace    func(percent int) // how much the heap grows from one collection to the next

	mark int       // the number when memory was last returned
	last int       // the last number
	calm int       // counts since it has changed
	then time.Time // when memory was last returned

	surging bool // during a burst of new connections
}

// newTide watches a number of connections. It returns nil if the operator has set Go's own GOGC or GOMEMLIMIT.
func newTide(count func() int) *tide {
	if ownMemoryLimits() {
		return nil
	}
	return &tide{count: count, release: release, pace: func(percent int) { debug.SetGCPercent(percent) }}
}

// release collects twice, because pooled objects (sync.Pool) survive one collection.
func release() {
	runtime.GC()
	debug.FreeOSMemory()
}

// run counts until ctx ends.
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

// surge sets GOGC for a burst of new connections, or back.
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
