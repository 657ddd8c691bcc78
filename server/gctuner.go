package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

const (
	// countInterval is the interval at which connections are counted. A burst is over when their number has hardly changed for
	// steadyCounts counts in a row.
	countInterval = 500 * time.Millisecond
	steadyCounts  = 3
	// burstSize is the smallest burst, in connections, and burstPart the smallest part of the earlier number: a smaller burst leaves
	// little garbage.
	burstSize = 500
	burstPart = 10
	// releasePause bounds the cost of consecutive bursts.
	releasePause = 5 * time.Second
	// burstGOGC is GOGC during a burst of new connections, and normalGOGC otherwise. The objects that stay are scattered over the
	// memory that was allocated between two collections, and Go cannot compact it, so that memory is kept small meanwhile. From
	// burstMost connections on the fragmentation per connection is small, and a collection, which scans the whole heap, takes long.
	burstGOGC  = 25
	normalGOGC = 100
	burstMost  = 20_000
)

// gcTuner sets GOGC during a burst of new connections, and returns memory to the system after many connections or subscriptions were
// opened or closed. Otherwise the garbage of their handshakes and requests would stay resident until the heap has doubled, which never
// happens while they are idle. A steady load, however high, is no burst.
type gcTuner struct {
	count   func() int
	release func()
	setGOGC func(percent int)

	last   int // the last count
	steady int // counts since the number has changed
	burst  bool

	released   time.Time // when memory was last returned
	atReleased int       // the count then
}

// newGCTuner watches a number of connections. It returns nil if the operator has set Go's own GOGC or GOMEMLIMIT.
func newGCTuner(count func() int) *gcTuner {
	if ownMemoryLimits() {
		return nil
	}
	return &gcTuner{count: count, release: releaseMemory, setGOGC: func(percent int) { debug.SetGCPercent(percent) }}
}

// releaseMemory collects twice, because pooled objects (sync.Pool) survive one collection.
func releaseMemory() {
	runtime.GC()
	debug.FreeOSMemory()
}

// run counts until ctx ends.
func (g *gcTuner) run(ctx context.Context) error {
	if g == nil {
		return nil
	}
	ticker := time.NewTicker(countInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			g.observe(now)
		}
	}
}

// observe counts once and acts on the change.
func (g *gcTuner) observe(now time.Time) {
	n := g.count()
	if distance(n, g.last) > n/100+1 {
		g.steady = 0
	} else {
		g.steady++
	}
	switch {
	case n >= burstMost, g.steady >= steadyCounts, g.steady == 0 && n < g.last:
		g.setBurst(false)
	case g.steady == 0:
		g.setBurst(true)
	}
	g.last = n
	if g.steady < steadyCounts || distance(n, g.atReleased) < max(burstSize, g.atReleased/burstPart) || now.Sub(g.released) < releasePause {
		return
	}
	g.release()
	g.atReleased, g.released = n, now
}

// setBurst sets GOGC for a burst of new connections, or back.
func (g *gcTuner) setBurst(burst bool) {
	if burst == g.burst {
		return
	}
	g.burst = burst
	if burst {
		g.setGOGC(burstGOGC)
	} else {
		g.setGOGC(normalGOGC)
	}
}

func distance(a, b int) int { return max(a-b, b-a) }
