// Package groupcommit lets concurrent calls share one statement and one commit.
package groupcommit

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

// patience bounds how long the next batch waits for a running one.
const patience = 10 * time.Millisecond

// Group coalesces concurrent calls into batches (group commit), so that the fsync, the round trips and the fixed cost of a
// statement are paid once for a batch. A batch takes all calls that wait when the batch before it ends. So a lone call never
// waits, and under load batches grow. A batch that is blocked, for example by a lock, delays the next one for patience only.
type Group[In, Out any] struct {
	parallel, maxBatch int
	flush              func(batch []*Call[In, Out])

	mu      sync.Mutex
	waiting []*Call[In, Out]
	running int
	// turn: the next batch is waiting for a running one.
	turn    bool
	closed  bool
	batches sync.WaitGroup
}

// Call is one caller's part of a batch. flush sets Out and Err.
type Call[In, Out any] struct {
	In   In
	Out  Out
	Err  error
	done chan struct{}
}

// New returns a group that runs batches of at most maxBatch calls, and at most parallel of them at a time. flush must set
// the result of every call in the batch, which is never empty.
func New[In, Out any](parallel, maxBatch int, flush func(batch []*Call[In, Out])) *Group[In, Out] {
	return &Group[In, Out]{parallel: parallel, maxBatch: maxBatch, flush: flush}
}

// Do runs one call in a batch. When ctx ends first the outcome is unknown, because a batch that has begun continues.
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
		if i := slices.Index(g.waiting, c); i >= 0 { // it has not begun, and nobody waits for it any more
			g.waiting = slices.Delete(g.waiting, i, i+1)
		}
		return zero, ctx.Err()
	}
}

// next starts a batch if one may start now. The lock is held.
func (g *Group[In, Out]) next() {
	if g.turn || g.running == g.parallel || len(g.waiting) == 0 {
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
	pass := func() { // the lock is held
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

// contained turns a panic of flush into an error of its calls. Other batches, and the process, continue.
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

// Close lets running batches end and refuses the calls that wait.
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
