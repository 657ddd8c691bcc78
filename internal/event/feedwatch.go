package event

import (
	"context"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// feedWatch is a subscription to the feed. It is either attached, and the hub puts each row into its queue, or it replays
// the log at its own pace. While it replays, nothing is queued, so a long replay cannot overflow the queue. It attaches
// under the hub's lock when it has caught up with the hub.
type feedWatch struct {
	hub       *Hub
	queue     subscriberQueue
	principal auth.Principal
	filter    Filter
	scope     Scope

	// attached and from are guarded by the hub's lock. When the hub detaches a watch, everything up to from is in the queue.
	attached bool
	from     Place

	// Only Poll uses the rest. place: everything up to it was handed out or filtered out.
	epoch   int64
	place   Place
	first   *Update
	page    []FeedItem
	through Place // place after page is used up
	// sent is the place of the last cursor handed out. quietUntil is when a fresh one is due.
	sent       Place
	started    bool // a cursor was handed out
	quietUntil time.Time
}

// WatchFeed subscribes to all orders that the principal may see. Without a cursor the first item is a Snapshot with only a
// cursor. With one, all later events are replayed from the log and then followed; a Reset comes first when the log cannot
// continue from the cursor. A quiet feed gets a Checkpoint every CheckpointInterval. Only staff may filter by customer. The
// caller closes it.
//
// Errors: UNAUTHENTICATED, FORBIDDEN, INVALID_CURSOR; UNAVAILABLE when the log does not answer; stream.ErrDraining.
func (h *Hub) WatchFeed(ctx context.Context, p auth.Principal, filter Filter, after string) (*Subscription, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	if filter.CustomerID.Valid {
		if err := auth.RequireStaff(p); err != nil {
			return nil, err
		}
	}
	var cursor FeedCursor
	if after != "" {
		var err error
		if cursor, err = ParseFeed(after); err != nil {
			return nil, err
		}
	}
	if h.isDraining() {
		return nil, stream.ErrDraining
	}
	if err := h.loadExtent(ctx); err != nil {
		return nil, unavailable(err)
	}
	w := &feedWatch{hub: h, queue: subscriberQueue{limit: h.cfg.QueueLimit}, principal: p, filter: filter, scope: Scope(filter.CustomerID)}
	if auth.RequireStaff(p) != nil {
		w.scope = Of(p.CustomerID)
	}
	if after == "" {
		w.join(Snapshot)
		return &Subscription{hub: h, source: w, queue: &w.queue}, nil
	}
	// The hub may be behind the replica that issued the cursor, so only the log can tell that a position does not exist.
	extent, err := h.log.Extent(ctx, cursor.Position)
	if err != nil {
		return nil, unavailable(err)
	}
	if extent.continues(cursor) {
		w.place = Place{cursor.Position, extent.At}
		w.sent = w.place
		w.join("")
	} else {
		w.join(Reset)
	}
	return &Subscription{hub: h, source: w, queue: &w.queue}, nil
}

// continues reports whether the log continues from a cursor. A cursor in the old format proves nothing, except position 0.
func (e *Extent) continues(c FeedCursor) bool {
	if c.old {
		return c.Position == 0 && e.First == 1
	}
	return c.Epoch == e.Epoch && c.Position <= e.Last.Position && c.Position+1 >= e.First && e.At.proves(c.Mark)
}

func (w *feedWatch) cursor() string {
	if !w.started {
		return ""
	}
	return FeedCursor{Epoch: w.epoch, Position: w.sent.Position, Mark: w.sent.Mark}.String()
}

func (w *feedWatch) buffered() bool { return len(w.page) > 0 || w.queue.peek() != nil }

func (w *feedWatch) step(ctx context.Context) (*Update, time.Time, error) {
	for {
		if w.first != nil {
			u := w.first
			w.first = nil
			return u, time.Time{}, nil
		}
		if len(w.page) > 0 {
			next := w.page[0]
			w.page = w.page[1:]
			if w.advance(next.Place, next.Event) {
				return feedUpdate(w.epoch, next.Place, next.Event), time.Time{}, nil
			}
			continue
		}
		w.place = w.place.later(w.through)
		d, found, err := w.queue.take()
		switch {
		case err != nil:
			return nil, time.Time{}, err
		case found == mustReset:
			w.restart()
			continue
		case found == item:
			if w.advance(d.place, d.update.Event) {
				return d.update, time.Time{}, nil
			}
			continue
		}
		target, state := w.attach()
		switch state {
		case queued:
			continue
		case attached:
			w.place = w.place.later(target)
		case replaying:
		}
		now := time.Now()
		if w.place.Position > w.sent.Position && !now.Before(w.quietUntil) {
			return w.cursorItem(Checkpoint), time.Time{}, nil
		}
		if state == attached || w.hub.isDraining() {
			if !now.Before(w.quietUntil) { // nothing has happened that a checkpoint could report
				w.quietUntil = now.Add(w.hub.cfg.CheckpointInterval)
			}
			return nil, w.quietUntil, nil
		}
		if again, err := w.replay(ctx, target); err != nil || !again.IsZero() {
			return nil, again, err
		}
	}
}

// replay reads the next page of the log. The log is complete up to target, where the hub is.
func (w *feedWatch) replay(ctx context.Context, target Place) (again time.Time, err error) {
	page, err := w.hub.log.FeedPage(ctx, w.principal, w.scope, w.place.Position, w.hub.cfg.PageSize)
	if err != nil {
		return w.hub.retryOrEnd(ctx, err)
	}
	if w.place.Position+1 < page.First {
		w.restart() // the next rows have left the log meanwhile
		return time.Time{}, nil
	}
	w.page, w.through = page.Items, page.Through
	if !page.More {
		w.through = page.Through.later(target)
	}
	return time.Time{}, nil
}

// advance reports whether to hand out an event, and moves the place to it. It refuses events handed out before and events
// that are not for this subscriber.
func (w *feedWatch) advance(at Place, e *order.Event) bool {
	if at.Position <= w.place.Position {
		return false
	}
	w.place = at
	if !w.filter.admits(w.principal, e) {
		return false
	}
	w.noteSent(at)
	return true
}

// noteSent notes the place of a cursor that is handed out.
func (w *feedWatch) noteSent(at Place) {
	w.sent, w.started, w.quietUntil = at, true, time.Now().Add(w.hub.cfg.CheckpointInterval)
}

// cursorItem returns an item with only a cursor.
func (w *feedWatch) cursorItem(kind Kind) *Update {
	w.noteSent(w.place)
	return &Update{Kind: kind, Cursor: w.cursor()}
}

// feedState names the source of a feed's next item.
type feedState int

const (
	queued    feedState = iota // the queue has one
	attached                   // the hub will deliver one
	replaying                  // the log must be read
)

// attach attaches the watch to the hub when it has caught up. It returns the hub's place.
func (w *feedWatch) attach() (Place, feedState) {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if !w.queue.empty() {
		return Place{}, queued
	}
	if !w.attached {
		w.place = w.place.later(w.from)
		w.attached = w.place.Position >= h.place.Position
	}
	if w.attached {
		return h.place, attached
	}
	return h.place, replaying
}

// detach makes the watch replay the log after a place. The hub's lock is held.
func (w *feedWatch) detach(from Place) {
	w.attached, w.from = false, from
	w.queue.wake()
}

// begin starts the stream at the hub's place. The hub's lock is held.
func (w *feedWatch) begin(kind Kind) {
	w.epoch, w.place, w.attached = w.hub.epoch, w.hub.place, true
	w.page, w.through, w.from = nil, Place{}, Place{}
	w.first = w.cursorItem(kind)
}

// restart starts the stream over at the hub's place.
func (w *feedWatch) restart() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.begin(Reset)
}

// join registers the watch with the hub, and starts the stream unless kind is empty.
func (w *feedWatch) join(kind Kind) {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.feeds[w.scope] == nil {
		h.feeds[w.scope] = map[*feedWatch]struct{}{}
	}
	h.feeds[w.scope][w] = struct{}{}
	h.stopSkipping()
	h.subscribers.Add(1)
	h.cfg.Relay.FeedWatched(w.scope, +1)
	w.epoch = h.epoch
	w.quietUntil = time.Now().Add(h.cfg.CheckpointInterval)
	if kind != "" {
		w.begin(kind)
	}
}

func (w *feedWatch) leave() {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	watches := h.feeds[w.scope]
	if _, joined := watches[w]; !joined {
		return
	}
	delete(watches, w)
	if len(watches) == 0 {
		delete(h.feeds, w.scope)
	}
	h.subscribers.Add(-1)
	h.cfg.Relay.FeedWatched(w.scope, -1)
}
