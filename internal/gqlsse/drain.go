package gqlsse

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/orderwire/orderwire/internal/stream"
)

// Drain refuses new streams with 503 and ends the open ones without complete, so that their clients reconnect and resume.
// Each stream begins to drain at a random moment within DrainJitter or half of the time that ctx leaves, whichever is
// shorter. A stream then ends when its queued items are sent, at the latest after DrainTimeout, or after a quarter of ctx's
// remaining time if that is shorter. Drain returns nil when all are gone, or ctx's error.
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
