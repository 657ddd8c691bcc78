// Package batch lets concurrent calls share one statement and one commit.
package batch

import (
	"context"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
)

// errClosed means that the group is closed.
var errClosed = fault.New(fault.Unavailable, "The server is stopping; repeat the request.")

// patience is how long a batch may take before the next one does not wait for it any longer.
const patience = 50 * time.Millisecond

// Group coalesces concurrent calls into batches (group commit): the fsync, the round trips and what a statement costs however
// little it does are paid once for all calls of a batch. A batch takes what waits at the moment the one before has ended, so a
// lone call waits for nothing, and under load batches get as large as they can. One that is held up, by a lock for
// instance, holds up the others for patience only.
type Group[In, Out any] struct {
	calls chan *Call[In, Out]
	// turn is had by the worker that takes the next batch, until that one has ended or is held up.
	turn chan struct{}
	stop chan struct{}
	wg   sync.WaitGroup
}

// Call is one caller's part of a batch. flush fills Out and Err.
type Call[In, Out any] struct {
	In   In
	Out  Out
	Err  error
	done chan struct{}
}

// New starts the workers, so many batches of at most maxBatch calls run at a time. flush must settle every call it is given;
// the batch is never empty.
func New[In, Out any](workers, maxBatch int, flush func(batch []*Call[In, Out])) *Group[In, Out] {
	g := &Group[In, Out]{calls: make(chan *Call[In, Out], maxBatch), turn: make(chan struct{}, 1), stop: make(chan struct{})}
	for range workers {
		g.wg.Go(func() {
			for g.takeTurn(maxBatch, flush) {
			}
		})
	}
	g.turn <- struct{}{}
	return g
}

// takeTurn runs one batch; false when the group is closed.
func (g *Group[In, Out]) takeTurn(maxBatch int, flush func(batch []*Call[In, Out])) bool {
	select {
	case <-g.turn:
	case <-g.stop:
		return false
	}
	select {
	case first := <-g.calls:
		pass := sync.OnceFunc(func() { g.turn <- struct{}{} })
		defer time.AfterFunc(patience, pass).Stop()
		batch := g.fill([]*Call[In, Out]{first}, maxBatch)
		flush(batch)
		for _, c := range batch {
			close(c.done)
		}
		pass()
		return true
	case <-g.stop:
		return false
	}
}

// fill adds what waits already.
func (g *Group[In, Out]) fill(batch []*Call[In, Out], maxBatch int) []*Call[In, Out] {
	for len(batch) < maxBatch {
		select {
		case c := <-g.calls:
			batch = append(batch, c)
		default:
			return batch
		}
	}
	return batch
}

// Do runs one call in some batch. When ctx ends first, the outcome is unknown: the batch goes on.
func (g *Group[In, Out]) Do(ctx context.Context, in In) (Out, error) {
	c := &Call[In, Out]{In: in, done: make(chan struct{})}
	var zero Out
	select {
	case g.calls <- c:
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-g.stop:
		return zero, errClosed
	}
	select {
	case <-c.done:
		return c.Out, c.Err
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-g.stop:
		// A worker may have taken it before it stopped.
		g.wg.Wait()
		select {
		case <-c.done:
			return c.Out, c.Err
		default:
			return zero, errClosed
		}
	}
}

// Close lets running batches end and refuses what waits.
func (g *Group[In, Out]) Close() {
	close(g.stop)
	g.wg.Wait()
}
