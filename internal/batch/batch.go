// Package batch lets concurrent calls share one statement and one commit.
package batch

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
)

// errClosed means that the group is closed.
var errClosed = fault.New(fault.Unavailable, "The server is stopping; repeat the request.")

// patience is how long a batch may take before the next one does not wait for it any longer.
const patience = 10 * time.Millisecond

// Group coalesces concurrent calls into batches (group commit): the fsync, the round trips and what a statement costs however
// little it does are paid once for all calls of a batch. A batch takes what waits at the moment the one before has ended, so a
// lone call waits for nothing, and under load batches get as large as they can. One that is held up, by a lock for
// instance, holds up the others for patience only.
type Group[In, Out any] struct {
	atATime, maxBatch int
	flush             func(batch []*Call[In, Out])

	mu      sync.Mutex
	waiting []*Call[In, Out]
	running int
	// turn: the next batch waits for one that runs.
	turn    bool
	closed  bool
	batches sync.WaitGroup
}

// Call is one caller's part of a batch. flush fills Out and Err.
type Call[In, Out any] struct {
	In   In
	Out  Out
	Err  error
	done chan struct{}
}

// New returns a group that runs batches of at most maxBatch calls, at most so many at a time. flush must settle every call it
// is given; the batch is never empty.
func New[In, Out any](atATime, maxBatch int, flush func(batch []*Call[In, Out])) *Group[In, Out] {
	return &Group[In, Out]{atATime: atATime, maxBatch: maxBatch, flush: flush}
}

// Do runs one call in some batch. When ctx ends first, the outcome is unknown: a batch that has begun goes on.
func (g *Group[In, Out]) Do(ctx context.Context, in In) (Out, error) {
	c := &Call[In, Out]{In: in, done: make(chan struct{})}
	var zero Out
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return zero, errClosed
	}
	g.waiting = append(g.waiting, c)
	g.next()
	g.mu.Unlock()
	select {
	case <-c.done:
		return c.Out, c.Err
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		if i := slices.Index(g.waiting, c); i >= 0 { // nobody waits for it any more
			g.waiting = slices.Delete(g.waiting, i, i+1)
		}
		return zero, ctx.Err()
	}
}

// next begins a batch if it is time for one. It is called with the lock held.
func (g *Group[In, Out]) next() {
	if g.turn || g.running == g.atATime || len(g.waiting) == 0 {
		return
	}
	n := min(len(g.waiting), g.maxBatch)
	batch := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	g.turn = true
	g.running++
	g.batches.Go(func() { g.run(batch) })
}

func (g *Group[In, Out]) run(batch []*Call[In, Out]) {
	passed := false
	pass := func() { // with the lock held
		if !passed {
			passed, g.turn = true, false
		}
		g.next()
	}
	late := time.AfterFunc(patience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		pass()
	})
	g.contained(batch)
	late.Stop()
	for _, c := range batch {
		close(c.done)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	pass()
}

// contained turns a panic of flush into an error of its calls: the others, and the process, go on.
func (g *Group[In, Out]) contained(batch []*Call[In, Out]) {
	defer func() {
		if p := recover(); p != nil {
			for _, c := range batch {
				c.Err = fmt.Errorf("a batch panicked: %v\n%s", p, debug.Stack())
			}
		}
	}()
	g.flush(batch)
}

// Close lets running batches end and refuses what waits.
func (g *Group[In, Out]) Close() {
	g.mu.Lock()
	g.closed = true
	for _, c := range g.waiting {
		c.Err = errClosed
		close(c.done)
	}
	g.waiting = nil
	g.mu.Unlock()
	g.batches.Wait()
}
