package event_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/event"
)

type countingWaker struct {
	n    atomic.Int64
	poll chan struct{}
}

func (w *countingWaker) Wake() {
	w.n.Add(1)
	select {
	case w.poll <- struct{}{}:
	default:
	}
}

// TestQuietFeedIsNotPolled: a feed that has been quiet for long is not polled more often than its interval.
func TestQuietFeedIsNotPolled(t *testing.T) {
	t.Parallel()
	const interval = 10 * time.Millisecond
	r := start(t, event.Config{CheckpointInterval: interval})
	sub := r.watchFeed(staff, event.Filter{}, "")
	expect(t, sub, event.Snapshot, 0)
	waker := &countingWaker{poll: make(chan struct{}, 1)}
	sub.Notify(waker)
	waker.Wake()
	const intervals = 20
	end := time.After(intervals * interval) // without pauses the count would be far higher, however slow the machine
	for {
		select {
		case <-waker.poll:
			if u, err := sub.Poll(t.Context()); u != nil || err != nil {
				t.Fatalf("%+v, %v", u, err)
			}
		case <-end:
			if n := waker.n.Load(); n > 2*intervals {
				t.Errorf("woken %d times in %d intervals", n, intervals)
			}
			return
		}
	}
}
