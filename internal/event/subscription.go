package event

import (
	"context"
	"errors"
	"time"

	"github.com/orderwire/orderwire/internal/stream"
)

// Subscription is one subscriber's view of the log. It has no goroutine, and no timer but while something is to be
// tried again: Poll does what is to be done, and who was named with Notify is woken when there is more to do.
type Subscription struct {
	hub    *Hub
	source source
	inbox  *inbox
}

var _ stream.Source[Update] = (*Subscription)(nil)

// source is what a subscription reads: an orderWatch or a feedWatch.
type source interface {
	// step returns the next item, or nil when there is none now. again, if not zero, is when to try without a signal.
	step(ctx context.Context) (u *Update, again time.Time, err error)
	// waiting: the next item is in memory.
	waiting() bool
	// cursor of the last item handed out; empty when there was none.
	cursor() string
	// leave removes it from the hub.
	leave()
}

// Notify implements stream.Source.
func (s *Subscription) Notify(w stream.Waker) { s.inbox.notify(w) }

// Poll returns the next item, or nil when there is none now. It does not wait for one, though it may read the log. It
// must not be called concurrently with itself. An error ends the subscription: stream.ErrDone after Close,
// stream.ErrDraining when the hub or ctx's connection drains and everything queued was handed out,
// *stream.SlowConsumerError when more was queued than the limit, stream.ErrOutdated when the next item is of a later version
// of the server, ctx's error, or fault.NotFound when the order is gone from the log. A database that does not answer ends nothing: the waker is woken to try again.
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
		if err := s.known(ctx, u); err != nil {
			return nil, err
		}
		return u, nil
	}
	if s.hub.isDraining() || stream.IsDraining(ctx) {
		return nil, stream.ErrDraining
	}
	if !again.IsZero() {
		s.inbox.wakeAt(again)
	}
	return nil, nil
}

// known returns stream.ErrOutdated for an event that this version does not know. To skip it would be a gap, and to show it null
// where nothing may be null.
func (s *Subscription) known(ctx context.Context, u *Update) error {
	if u.Event == nil {
		return nil
	}
	if err := u.Event.Known(); err != nil {
		return s.hub.outdated(ctx, err)
	}
	return nil
}

// Buffered implements stream.Source.
func (s *Subscription) Buffered() bool { return s.source.waiting() }

// Close ends the subscription. It may be called more than once, from any goroutine.
func (s *Subscription) Close() {
	s.source.leave()
	s.inbox.end()
}
