package streamtest

import (
	"context"

	"github.com/orderwire/orderwire/internal/stream"
)

// Next waits for the next item of a source.
func Next[T any](ctx context.Context, s stream.Source[T]) (*T, error) {
	w := make(signal, 1)
	s.Notify(w)
	for {
		item, err := s.Poll(ctx)
		if item != nil || err != nil {
			return item, err
		}
		select {
		case <-w:
		case <-stream.Draining(ctx): // the next Poll returns the error
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// signal has one slot: a subscriber that is woken looks at everything.
type signal chan struct{}

// Wake implements stream.Waker.
func (s signal) Wake() {
	select {
	case s <- struct{}{}:
	default:
	}
}
