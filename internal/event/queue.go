package event

import (
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// queuedItem is an event queued for a subscriber, as the item that all its subscribers share. place is zero in an order's
// subscription.
type queuedItem struct {
	place  Place
	update *Update
}

// subscriberQueue is a subscriber's bounded queue. put never blocks: an item that does not fit marks the subscriber slow and
// drops the queue, because a client that resumes from its last cursor gets everything from the log.
type subscriberQueue struct {
	mu     sync.Mutex
	items  []queuedItem
	limit  int
	slow   bool
	closed bool
	// reset: what was handed out belongs to another log. unverified: it may belong to another log.
	reset, unverified bool
	// newest is the highest version queued or handed out in an order's subscription, newestMark its mark.
	newest     int
	newestMark Mark
	// waker is woken when there is an item; nil until it is set.
	waker stream.Waker
	// retry wakes the subscriber too; nil until a retry is scheduled.
	retry *retryTimer
}

// retryTimer wakes a subscriber at a time. It is not reset when the item comes earlier, because one wake-up too many costs
// less than resetting a timer for each item.
type retryTimer struct {
	timer   *time.Timer
	firesAt time.Time // when timer fires; zero: not scheduled
}

func (q *subscriberQueue) notify(w stream.Waker) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waker = w
}

// wake wakes the subscriber. The lock is not held.
func (q *subscriberQueue) wake() {
	q.mu.Lock()
	w := q.waker
	q.mu.Unlock()
	if w != nil {
		w.Wake()
	}
}

// wakeAt wakes the subscriber at the given time or earlier.
func (q *subscriberQueue) wakeAt(at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed || q.retry != nil && !q.retry.firesAt.IsZero() && !q.retry.firesAt.After(at):
	case q.retry == nil:
		q.retry = &retryTimer{time.AfterFunc(time.Until(at), q.timerFired), at}
	default:
		q.retry.timer.Reset(time.Until(at))
		q.retry.firesAt = at
	}
}

// timerFired wakes the subscriber.
func (q *subscriberQueue) timerFired() {
	q.mu.Lock()
	q.retry.firesAt = time.Time{}
	q.mu.Unlock()
	q.wake()
}

// put queues an item, and reports whether the caller must wake the subscriber: only if the queue was empty or has just
// overflowed. Otherwise the subscriber was woken before, and takes all items before it goes idle.
func (q *subscriberQueue) put(d queuedItem) (mustWake bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.add(d)
}

// putNewer is put for an item whose version is above all that were queued before; others are dropped.
func (q *subscriberQueue) putNewer(u *Update) (mustWake bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if u.Event.Version <= q.newest {
		if u.Event.Version == q.newest && MarkOf(u.Event.ID).differs(q.newestMark) {
			return q.invalidateLocked() // the subscriber has another event with this version
		}
		return false
	}
	q.newest, q.newestMark = u.Event.Version, MarkOf(u.Event.ID)
	return q.add(queuedItem{update: u})
}

func (q *subscriberQueue) add(d queuedItem) (mustWake bool) {
	switch {
	case q.closed || q.slow:
		return false
	case len(q.items) >= q.limit:
		q.slow, q.items = true, nil
		return true
	default:
		q.items = append(q.items, d)
		return len(q.items) == 1
	}
}

// needs reports whether a version has not been queued yet.
func (q *subscriberQueue) needs(version int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.newest < version
}

// markRead notes that the subscriber gets all events up to a version by reading the log.
func (q *subscriberQueue) markRead(version int, mark Mark) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if version > q.newest {
		q.newest, q.newestMark = version, mark
	}
}

// invalidate makes the subscription start over.
func (q *subscriberQueue) invalidate() {
	q.mu.Lock()
	q.invalidateLocked()
	q.mu.Unlock()
	q.wake()
}

// invalidateLocked is invalidate with the lock held. It reports whether the caller must wake the subscriber.
func (q *subscriberQueue) invalidateLocked() (mustWake bool) {
	mustWake = len(q.items) == 0 && !q.reset
	q.reset, q.unverified, q.items, q.newest, q.newestMark = true, false, nil, 0, 0
	return mustWake
}

// requireVerification makes an order's subscription verify against the log what it has handed out.
func (q *subscriberQueue) requireVerification() {
	q.mu.Lock()
	q.unverified = true
	q.mu.Unlock()
	q.wake()
}

func (q *subscriberQueue) close() {
	q.mu.Lock()
	q.closed, q.items = true, nil
	if q.retry != nil {
		q.retry.timer.Stop()
	}
	q.mu.Unlock()
	q.wake()
}

// takeResult is the result of take, if the subscription has not ended.
type takeResult int

const (
	nothing takeResult = iota
	item
	mustReset
	mustVerify
)

// take returns the oldest item, or once that the subscription has to start over or to verify what it has handed out. The
// error is stream.ErrDone or errSlow.
func (q *subscriberQueue) take() (queuedItem, takeResult, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return queuedItem{}, nothing, stream.ErrDone
	case q.reset:
		q.reset = false
		return queuedItem{}, mustReset, nil
	case q.unverified:
		q.unverified = false
		return queuedItem{}, mustVerify, nil
	case q.slow:
		return queuedItem{}, nothing, errSlow
	case len(q.items) > 0:
		d := q.items[0]
		q.items[0] = queuedItem{} // the backing array must not keep the event alive
		q.items = q.items[1:]
		if len(q.items) == 0 {
			q.items = nil // an idle subscription keeps no memory
		}
		return d, item, nil
	}
	return queuedItem{}, nothing, nil
}

// peek returns the event that take would return; nil when there is none.
func (q *subscriberQueue) peek() *order.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 || q.reset || q.unverified {
		return nil
	}
	return q.items[0].update.Event
}

// empty reports whether take would return nothing.
func (q *subscriberQueue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0 && !q.slow && !q.reset && !q.closed
}
