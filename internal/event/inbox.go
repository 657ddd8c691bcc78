package event

import (
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// delivery is an event on its way to a subscriber, as the item that all get who get it. place is zero in an order's
// subscription.
type delivery struct {
	place  Place
	update *Update
}

// inbox is a subscriber's bounded queue. Putting never waits: what does not fit marks the subscriber slow and frees the
// queue, since a client that resumes from its last cursor gets everything from the log.
type inbox struct {
	mu    sync.Mutex
	queue []delivery
	limit int
	slow  bool
	ended bool
	// reset: what the subscriber has got belongs to another log. doubted: it may.
	reset, doubted bool
	// newest is the highest version that was queued or handed out, of an order's subscription, and newestMark its mark.
	newest     int
	newestMark Mark
	// waker is told that there is something; nil before somebody waits.
	waker stream.Waker
	// again wakes too; nil unless something is to be tried again.
	again *again
}

// again is a time to wake. What it was set for may happen earlier: being woken once too often costs less than setting it
// anew for each item.
type again struct {
	timer *time.Timer
	armed time.Time // when timer fires; zero: it is not set
}

func (b *inbox) notify(w stream.Waker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waker = w
}

// wake is called without the lock.
func (b *inbox) wake() {
	b.mu.Lock()
	w := b.waker
	b.mu.Unlock()
	if w != nil {
		w.Wake()
	}
}

// wakeAt wakes at that time, or before.
func (b *inbox) wakeAt(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended || b.again != nil && !b.again.armed.IsZero() && !b.again.armed.After(at):
	case b.again == nil:
		b.again = &again{time.AfterFunc(time.Until(at), b.ring), at}
	default:
		b.again.timer.Reset(time.Until(at))
		b.again.armed = at
	}
}

// ring is the timer's.
func (b *inbox) ring() {
	b.mu.Lock()
	b.again.armed = time.Time{}
	b.mu.Unlock()
	b.wake()
}

// put queues d. It reports whether the queue was empty: then the subscriber is to be woken. Else it was woken before, and
// takes everything before it rests.
func (b *inbox) put(d delivery) (first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.add(d)
}

// putNewer is put of what has a version that is newer than all that were queued before.
func (b *inbox) putNewer(u *Update) (first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if u.Event.Version <= b.newest {
		if u.Event.Version == b.newest && MarkOf(u.Event.ID).differs(b.newestMark) {
			return b.voided() // the version that the subscriber has is another event's by now
		}
		return false
	}
	b.newest, b.newestMark = u.Event.Version, MarkOf(u.Event.ID)
	return b.add(delivery{update: u})
}

func (b *inbox) add(d delivery) (first bool) {
	switch {
	case b.ended || b.slow:
		return false
	case len(b.queue) >= b.limit:
		b.slow, b.queue = true, nil
		return true
	default:
		b.queue = append(b.queue, d)
		return len(b.queue) == 1
	}
}

// lacks reports whether a version was not queued yet.
func (b *inbox) lacks(version int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.newest < version
}

// has says that the subscriber gets everything up to a version without the queue.
func (b *inbox) has(version int, mark Mark) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if version > b.newest {
		b.newest, b.newestMark = version, mark
	}
}

// void makes the subscriber start anew.
func (b *inbox) void() {
	b.mu.Lock()
	b.voided()
	b.mu.Unlock()
	b.wake()
}

// voided reports whether the subscriber is to be woken. The lock is held.
func (b *inbox) voided() (first bool) {
	first = len(b.queue) == 0 && !b.reset
	b.reset, b.doubted, b.queue, b.newest, b.newestMark = true, false, nil, 0, 0
	return first
}

// doubt makes the subscriber of an order ask the log whether it still holds what was handed out.
func (b *inbox) doubt() {
	b.mu.Lock()
	b.doubted = true
	b.mu.Unlock()
	b.wake()
}

func (b *inbox) end() {
	b.mu.Lock()
	b.ended, b.queue = true, nil
	if b.again != nil {
		b.again.timer.Stop()
	}
	b.mu.Unlock()
	b.wake()
}

// found is what take found beside the end.
type found int

const (
	nothing found = iota
	item
	mustReset
	mustAsk
)

// take returns the oldest delivery, or that the subscriber has to start anew or to ask the log, which is said once. The error is
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
	case b.doubted:
		b.doubted = false
		return delivery{}, mustAsk, nil
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

// next is the event that take would find; nil without.
func (b *inbox) next() *order.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 || b.reset || b.doubted {
		return nil
	}
	return b.queue[0].update.Event
}

// empty reports whether take would find nothing queued.
func (b *inbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue) == 0 && !b.slow && !b.reset && !b.ended
}
