package postgres

import (
	"context"
	"sync"

	"github.com/orderwire/orderwire/internal/fault"
)

// errClosed means that the store is closed.
var errClosed = fault.New(fault.Unavailable, "The server is stopping; repeat the request.")

// group coalesces concurrent calls into batches (group commit). A worker takes what waits at the moment it is free, so a
// lone call waits for nothing, and under load one commit carries many calls: the fsync, the round trips and the planning
// are paid once.
type group[In, Out any] struct {
	calls chan *call[In, Out]
	stop  chan struct{}
	wg    sync.WaitGroup
}

// call is one caller's part of a batch. flush fills Out and Err.
type call[In, Out any] struct {
	In   In
	Out  Out
	Err  error
	done chan struct{}
}

// newGroup starts the workers. flush must settle every call it is given; the batch is never empty.
func newGroup[In, Out any](workers, maxBatch int, flush func(batch []*call[In, Out])) *group[In, Out] {
	g := &group[In, Out]{calls: make(chan *call[In, Out], maxBatch), stop: make(chan struct{})}
	for range workers {
		g.wg.Go(func() {
			for {
				select {
				case first := <-g.calls:
					batch := g.fill([]*call[In, Out]{first}, maxBatch)
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
func (g *group[In, Out]) fill(batch []*call[In, Out], maxBatch int) []*call[In, Out] {
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

// do runs one call in some batch. When ctx ends first, the outcome is unknown: the batch goes on.
func (g *group[In, Out]) do(ctx context.Context, in In) (Out, error) {
	c := &call[In, Out]{In: in, done: make(chan struct{})}
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

// close lets running batches end and refuses what waits.
func (g *group[In, Out]) close() {
	close(g.stop)
	g.wg.Wait()
}
