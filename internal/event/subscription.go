package event

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// Subscription is one subscriber's view of the log. It has no goroutine: Next does what is to be done.
type Subscription struct {
	hub    *Hub
	source source
	inbox  *inbox
	// cursor of the last item handed out.
	cursor string
}

// source is what a subscription reads: an orderWatch or a feedWatch.
type source interface {
	// step returns the next item, or nil when there is none now. again, if not zero, is when to try without a signal.
	step(ctx context.Context) (u *Update, again time.Time, err error)
	// leave removes it from the hub.
	leave()
}

// Next waits for the next item. It must not be called concurrently with itself. An error ends the subscription:
// stream.ErrDone after Close, stream.ErrDraining when the hub or ctx's connection drains and everything queued was handed out,
// *stream.SlowConsumerError when more was queued than the limit, ctx's error, or fault.NotFound when the order is gone
// from the log. A database that does not answer ends nothing: Next goes on when it is back.
func (s *Subscription) Next(ctx context.Context) (*Update, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		u, again, err := s.source.step(ctx)
		if err != nil {
			return nil, s.ended(err)
		}
		if u != nil {
			s.cursor = u.Cursor
			return u, nil
		}
		select {
		case <-s.hub.draining:
			return nil, stream.ErrDraining
		case <-stream.Draining(ctx):
			return nil, stream.ErrDraining
		default:
		}
		if err := s.wait(ctx, again); err != nil {
			return nil, err
		}
	}
}

func (s *Subscription) ended(err error) error {
	if errors.Is(err, errSlow) {
		return &stream.SlowConsumerError{Cursor: s.cursor}
	}
	return err
}

func (s *Subscription) wait(ctx context.Context, again time.Time) error {
	var timer <-chan time.Time
	if !again.IsZero() {
		t := time.NewTimer(time.Until(again))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-s.inbox.signal:
	case <-timer:
	case <-s.hub.draining:
	case <-stream.Draining(ctx):
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// Close ends the subscription and a Next that waits. It may be called more than once, from any goroutine.
func (s *Subscription) Close() {
	s.source.leave()
	s.inbox.end()
}

// delivery is an event on its way to a subscriber. position is 0 in an order's subscription.
type delivery struct {
	position int64
	event    *order.Event
}

// inbox is a subscriber's bounded queue. Putting never waits: what does not fit marks the subscriber slow and frees the
// queue, since a client that resumes from its last cursor gets everything from the log.
type inbox struct {
	mu    sync.Mutex
	queue []delivery
	limit int
	slow  bool
	ended bool
	// reset: what the subscriber has got belongs to another log.
	reset bool
	// newest is the highest version that was queued or handed out, of an order's subscription.
	newest int
	// signal has one slot: a subscriber that is woken looks at everything.
	signal chan struct{}
}

func newInbox(limit int) *inbox { return &inbox{limit: limit, signal: make(chan struct{}, 1)} }

func (b *inbox) wake() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

// put queues d.
func (b *inbox) put(d delivery) {
	b.mu.Lock()
	b.add(d)
	b.mu.Unlock()
	b.wake()
}

// putNewer queues d unless its version, or a newer one, was queued before.
func (b *inbox) putNewer(d delivery) {
	b.mu.Lock()
	fresh := d.event.Version > b.newest
	if fresh {
		b.newest = d.event.Version
		b.add(d)
	}
	b.mu.Unlock()
	if fresh {
		b.wake()
	}
}

func (b *inbox) add(d delivery) {
	switch {
	case b.ended || b.slow:
	case len(b.queue) >= b.limit:
		b.slow, b.queue = true, nil
	default:
		b.queue = append(b.queue, d)
	}
}

// lacks reports whether a version was not queued yet.
func (b *inbox) lacks(version int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.newest < version
}

// has says that the subscriber gets everything up to a version without the queue.
func (b *inbox) has(version int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newest = max(b.newest, version)
}

// void makes the subscriber start anew.
func (b *inbox) void() {
	b.mu.Lock()
	b.reset, b.queue, b.newest = true, nil, 0
	b.mu.Unlock()
	b.wake()
}

func (b *inbox) end() {
	b.mu.Lock()
	b.ended, b.queue = true, nil
	b.mu.Unlock()
	b.wake()
}

// found is what take found beside the end.
type found int

const (
	nothing found = iota
	item
	mustReset
)

// take returns the oldest delivery, or that the subscriber has to start anew, which is said once. The error is
// stream.ErrDone or errSlow.
func (b *inbox) take() (delivery, found, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended:
		return delivery{}, nothing, stream.ErrDone
	case b.reset:
		b.reset = false
		return delivery{}, mustReset, nil
	case b.slow:
		return delivery{}, nothing, errSlow
	case len(b.queue) > 0:
		d := b.queue[0]
		b.queue[0] = delivery{} // the event must not live as long as the array
		b.queue = b.queue[1:]
		if len(b.queue) == 0 {
			b.queue = nil // an idle subscription keeps no memory
		}
		return d, item, nil
	}
	return delivery{}, nothing, nil
}

// empty reports whether take would find nothing queued.
func (b *inbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue) == 0 && !b.slow && !b.reset && !b.ended
}
