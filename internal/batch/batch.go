// Package batch lets concurrent calls share one statement and one commit.
package batch

import (
	"context"
	"sync"

	"github.com/orderwire/orderwire/internal/fault"
)

// errClosed means that the group is closed.
var errClosed = fault.New(fault.Unavailable, "The server is stopping; repeat the request.")

// Group coalesces concurrent calls into batches (group commit). A worker takes what waits at the moment it is free, so a
// lone call waits for nothing, and under load one commit carries many calls: the fsync, the round trips and the planning
// are paid once.
type Group[In, Out any] struct {
	calls chan *Call[In, Out]
	stop  chan struct{}
	wg    sync.WaitGroup
}

// Call is one caller's part of a batch. flush fills Out and Err.
type Call[In, Out any] struct {
	In   In
	Out  Out
	Err  error
	done chan struct{}
}

// New starts the workers. flush must settle every call it is given; the batch is never empty.
func New[In, Out any](workers, maxBatch int, flush func(batch []*Call[In, Out])) *Group[In, Out] {
	g := &Group[In, Out]{calls: make(chan *Call[In, Out], maxBatch), stop: make(chan struct{})}
	for range workers {
		g.wg.Go(func() {
			for {
				select {
				case first := <-g.calls:
					batch := g.fill([]*Call[In, Out]{first}, maxBatch)
					flush(batch)
					for _, c := range batch {
						close(c.done)
					}
				case <-g.stop:
					return
				}
			}
		})
	}
	return g
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
