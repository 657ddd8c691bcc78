package event

import (
	"context"
	"errors"
	"time"

	"github.com/orderwire/orderwire/internal/stream"
)

// Subscription is one subscriber's view of the log. It has no goroutine, and a timer only while a retry is scheduled. All
// work is done in Poll; the waker that was set with Notify is woken when there is more.
type Subscription struct {
	hub    *Hub
	source source
	queue  *subscriberQueue
}

var _ stream.Source[Update] = (*Subscription)(nil)

// source reads the items of a subscription: an orderWatch or a feedWatch.
type source interface {
	// step returns the next item, or nil when there is none now. again, if not zero, is the time to retry without a wake-up.
	step(ctx context.Context) (u *Update, again time.Time, err error)
	// buffered reports whether the next item is in memory.
	buffered() bool
	// cursor returns the cursor of the last item handed out; empty when there was none.
	cursor() string
	// leave removes it from the hub.
	leave()
}

// Notify implements stream.Source.
func (s *Subscription) Notify(w stream.Waker) { s.queue.notify(w) }

// Poll returns the next item, or nil when there is none now. It may read the log but does not wait for an item. It must not
// be called concurrently. An error ends the subscription:
// - stream.ErrDone after Close;
// - stream.ErrDraining when the hub or ctx's connection drains and all queued items were handed out;
// - *stream.SlowConsumerError when more items were queued than the limit;
// - stream.ErrOutdated when a later version of the server has written the next item;
// - ctx's error; or fault.NotFound when the order has left the log.
//
// A database that does not answer is not an error: Poll is retried.
func (s *Subscription) Poll(ctx context.Context) (*Update, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	u, again, err := s.source.step(ctx)
	switch {
	case errors.Is(err, errSlow):
		return nil, &stream.SlowConsumerError{Cursor: s.source.cursor()}
	case err != nil:
		return nil, err
	case u != nil:
		if err := s.checkKnown(ctx, u); err != nil {
			return nil, err
		}
		return u, nil
	}
	if s.hub.isDraining() || stream.IsDraining(ctx) {
		return nil, stream.ErrDraining
	}
	if !again.IsZero() {
		s.queue.wakeAt(again)
	}
	return nil, nil
}

// checkKnown returns stream.ErrOutdated for an event that this version does not know. Skipping it would leave a gap, and it
// might be null where the schema allows no null.
func (s *Subscription) checkKnown(ctx context.Context, u *Update) error {
	if u.Event == nil {
		return nil
	}
	if err := u.Event.Known(); err != nil {
		return s.hub.outdated(ctx, err)
	}
	return nil
}

// Buffered implements stream.Source.
func (s *Subscription) Buffered() bool { return s.source.buffered() }

// Close ends the subscription. It may be called more than once and from any goroutine.
func (s *Subscription) Close() {
	s.source.leave()
	s.queue.close()
}
