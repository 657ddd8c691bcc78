package event

import (
	"context"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// feedWatch is a subscription to the feed. It is either attached, so that the hub puts each row into its inbox, or it
// replays the log at its own pace and queues nothing, so that a long replay cannot overflow. It attaches under the
// hub's lock when it has what the hub has handed on.
type feedWatch struct {
	hub       *Hub
	inbox     inbox
	principal auth.Principal
	filter    Filter
	scope     Scope

	// attached and from are the hub's, under its lock. from: when the hub detaches a watch, everything up to this
	// place was put into the inbox.
	attached bool
	from     Place

	// The rest is Poll's alone. place: everything up to it was handed out or filtered.
	epoch   int64
	place   Place
	first   *Update
	page    []FeedItem
	through Place // where place is when page is used up
	// sent is the place of the last cursor handed out, quietUntil when a fresh one is due.
	sent       Place
	begun      bool // some cursor was handed out
	quietUntil time.Time
}

// WatchFeed subscribes to all orders the principal may see. Without a cursor the first item is a Snapshot that carries
// only a cursor. With one, everything later is replayed from the log and then followed; a Reset comes first when the
// log cannot continue from there. A quiet feed gets a Checkpoint now and then. Only staff may filter by customer.
// Close it.
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
	if err := h.load(ctx); err != nil {
		return nil, unavailable(err)
	}
	w := &feedWatch{hub: h, inbox: inbox{limit: h.cfg.QueueLimit}, principal: p, filter: filter, scope: Scope(filter.CustomerID)}
	if auth.RequireStaff(p) != nil {
		w.scope = Of(p.CustomerID)
	}
	if after == "" {
		w.join(Snapshot)
		return &Subscription{hub: h, source: w, inbox: &w.inbox}, nil
	}
	// The hub may be behind the replica that gave the cursor out, so what is too far is the log's to say.
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
	return &Subscription{hub: h, source: w, inbox: &w.inbox}, nil
}

// continues reports whether the log goes on from a cursor. A cursor of an older version proves nothing, except at the
// beginning.
func (e *Extent) continues(c FeedCursor) bool {
	if c.old {
		return c.Position == 0 && e.First == 1
	}
	return c.Epoch == e.Epoch && c.Position <= e.Last.Position && c.Position+1 >= e.First && e.At.proves(c.Mark)
}

func (w *feedWatch) cursor() string {
	if !w.begun {
		return ""
	}
	return FeedCursor{Epoch: w.epoch, Position: w.sent.Position, Mark: w.sent.Mark}.String()
}

func (w *feedWatch) waiting() bool { return len(w.page) > 0 || w.inbox.next() != nil }

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
			if w.follows(next.Place, next.Event) {
				return feedUpdate(w.epoch, next.Place, next.Event), time.Time{}, nil
			}
			continue
		}
		w.place = w.place.later(w.through)
		d, found, err := w.inbox.take()
		switch {
		case err != nil:
			return nil, time.Time{}, err
		case found == mustReset:
			w.restart()
			continue
		case found == item:
			if w.follows(d.place, d.update.Event) {
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
			return w.give(Checkpoint), time.Time{}, nil
		}
		if state == attached || w.hub.isDraining() {
			if !now.Before(w.quietUntil) { // nothing has happened that a checkpoint could tell
				w.quietUntil = now.Add(w.hub.cfg.CheckpointInterval)
			}
			return nil, w.quietUntil, nil
		}
		if again, err := w.replay(ctx, target); err != nil || !again.IsZero() {
			return nil, again, err
		}
	}
}

// replay reads the next page of the log. Up to target the hub has handed the feed on, so it was all there to be read.
func (w *feedWatch) replay(ctx context.Context, target Place) (again time.Time, err error) {
	page, err := w.hub.log.FeedPage(ctx, w.principal, w.scope, w.place.Position, w.hub.cfg.PageSize)
	if err != nil {
		return w.hub.later(ctx, err)
	}
	if w.place.Position+1 < page.First {
		w.restart() // what comes next has left the log meanwhile
		return time.Time{}, nil
	}
	w.page, w.through = page.Items, page.Through
	if !page.More {
		w.through = page.Through.later(target)
	}
	return time.Time{}, nil
}

// follows reports whether an event is to be handed out now: not if it was before, or is not for this subscriber.
func (w *feedWatch) follows(at Place, e *order.Event) bool {
	if at.Position <= w.place.Position {
		return false
	}
	w.place = at
	if !w.filter.admits(w.principal, e) {
		return false
	}
	w.gave(at)
	return true
}

// gave notes the place of the cursor that is handed out.
func (w *feedWatch) gave(at Place) {
	w.sent, w.begun, w.quietUntil = at, true, time.Now().Add(w.hub.cfg.CheckpointInterval)
}

// give is an item that carries only a cursor.
func (w *feedWatch) give(kind Kind) *Update {
	w.gave(w.place)
	return &Update{Kind: kind, Cursor: w.cursor()}
}

// feedState is where a feed's next item comes from.
type feedState int

const (
	queued    feedState = iota // from the inbox
	attached                   // from the hub, later
	replaying                  // from the log
)

// attach takes the watch to the hub when it has caught up. The place is the hub's.
func (w *feedWatch) attach() (Place, feedState) {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if !w.inbox.empty() {
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

// detach sends the watch back to the log after a place. The hub's lock is held.
func (w *feedWatch) detach(from Place) {
	w.attached, w.from = false, from
	w.inbox.wake()
}

// begin starts the stream where the hub is. The hub's lock is held.
func (w *feedWatch) begin(kind Kind) {
	w.epoch, w.place, w.attached = w.hub.epoch, w.hub.place, true
	w.page, w.through, w.from = nil, Place{}, Place{}
	w.first = w.give(kind)
}

// restart begins the stream anew where the hub is.
func (w *feedWatch) restart() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.begin(Reset)
}

// join registers the watch, and starts the stream unless kind is empty.
func (w *feedWatch) join(kind Kind) {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.feeds[w.scope] == nil {
		h.feeds[w.scope] = map[*feedWatch]struct{}{}
	}
	h.feeds[w.scope][w] = struct{}{}
	h.follows()
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
