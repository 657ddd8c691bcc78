package gqlsse

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/orderwire/orderwire/internal/stream"
)

// Drain refuses new streams (503) and ends the open ones without complete, so that their clients reconnect and resume:
// each at a moment of its own within DrainJitter or half the time that ctx leaves, whichever is shorter, when what is
// queued has been sent or DrainTimeout, or a quarter of that time, has passed. It returns nil when they are gone, or
// ctx's error.
func (t *Transport) Drain(ctx context.Context) error {
	spread, patience := t.cfg.DrainJitter, t.cfg.DrainTimeout
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		spread, patience = min(spread, left/2), min(patience, left/4)
	}
	t.mu.Lock()
	t.draining = true
	for out := range t.streams {
		turn := time.Duration(0)
		if spread > 0 {
			turn = rand.N(spread)
		}
		time.AfterFunc(turn, out.drain)
		time.AfterFunc(turn+patience, func() { out.cancel(stream.ErrDraining) })
	}
	t.signalGone()
	t.mu.Unlock()
	select {
	case <-t.gone:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), errors.New("streams are still open"))
	}
}
