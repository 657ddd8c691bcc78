package event

import (
	"context"
	"time"

	"github.com/google/uuid"

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
	// scope is whose orders it shows; uuid.Nil: everybody's.
	scope uuid.UUID

	// attached and from are the hub's, under its lock. from: when the hub detaches a watch, everything up to this
	// position was put into the inbox.
	attached bool
	from     int64

	// The rest is Next's alone. position: everything up to it was handed out or filtered.
	epoch    int
	position int64
	first    *Update
	page     []FeedItem
	through  int64 // where position is when page is used up
	// sent is the position of the last cursor handed out, quietUntil when a fresh one is due.
	sent       int64
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
	if filter.CustomerID != uuid.Nil {
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
	w := &feedWatch{hub: h, inbox: inbox{limit: h.cfg.QueueLimit}, principal: p, filter: filter, scope: filter.CustomerID}
	if auth.RequireStaff(p) != nil {
		w.scope = p.CustomerID
	}
	if after == "" {
		w.join(Snapshot)
		return &Subscription{hub: h, source: w, inbox: &w.inbox}, nil
	}
	// The hub may be behind the replica that gave the cursor out, so what is too far is the log's to say.
	extent, err := h.log.Extent(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	if cursor.Epoch != extent.Epoch || cursor.Position > extent.Last || cursor.Position+1 < extent.First {
		w.join(Reset)
	} else {
		w.position, w.sent = cursor.Position, cursor.Position
		w.join("")
	}
	return &Subscription{hub: h, source: w, inbox: &w.inbox}, nil
}

func (w *feedWatch) cursor() string {
	if !w.begun {
		return ""
	}
	return FeedCursor{Epoch: w.epoch, Position: w.sent}.String()
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
			if w.follows(next.Position, next.Event) {
				return feedUpdate(w.epoch, next.Position, next.Event), time.Time{}, nil
			}
			continue
		}
		w.position = max(w.position, w.through)
		d, found, err := w.inbox.take()
		switch {
		case err != nil:
			return nil, time.Time{}, err
		case found == mustReset:
			w.restart()
			continue
		case found == item:
			if w.follows(d.position, d.update.Event) {
				return d.update, time.Time{}, nil
			}
			continue
		}
		target, state := w.attach()
		switch state {
		case queued:
			continue
		case attached:
			w.position = max(w.position, target)
		case replaying:
		}
		if w.position > w.sent && !time.Now().Before(w.quietUntil) {
			return w.give(Checkpoint), time.Time{}, nil
		}
		if state == attached || w.hub.isDraining() {
			return nil, w.quietUntil, nil
		}
		if again, err := w.replay(ctx, target); err != nil || !again.IsZero() {
			return nil, again, err
		}
	}
}

// replay reads the next page of the log. Up to target the hub has handed the feed on, so it was all there to be read.
func (w *feedWatch) replay(ctx context.Context, target int64) (again time.Time, err error) {
	page, err := w.hub.log.FeedPage(ctx, w.principal, w.scope, w.position, w.hub.cfg.PageSize)
	if err != nil {
		return w.hub.later(ctx, err)
	}
	if w.position+1 < page.First {
		w.restart() // what comes next has left the log meanwhile
		return time.Time{}, nil
	}
	w.page, w.through = page.Items, page.Through
	if !page.More {
		w.through = max(page.Through, target)
	}
	return time.Time{}, nil
}

// follows reports whether an event is to be handed out now: not if it was before, or is not for this subscriber.
func (w *feedWatch) follows(position int64, e *order.Event) bool {
	if position <= w.position {
		return false
	}
	w.position = position
	if !w.filter.admits(w.principal, e) {
		return false
	}
	w.gave(position)
	return true
}

// gave notes the position of the cursor that is handed out.
func (w *feedWatch) gave(position int64) {
	w.sent, w.begun, w.quietUntil = position, true, time.Now().Add(w.hub.cfg.CheckpointInterval)
}

// give is an item that carries only a cursor.
func (w *feedWatch) give(kind Kind) *Update {
	w.gave(w.position)
	return &Update{Kind: kind, Cursor: w.cursor()}
}

// feedState is where a feed's next item comes from.
type feedState int

const (
	queued    feedState = iota // from the inbox
	attached                   // from the hub, later
	replaying                  // from the log
)

// attach takes the watch to the hub when it has caught up. The position is the hub's.
func (w *feedWatch) attach() (int64, feedState) {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if !w.inbox.empty() {
		return 0, queued
	}
	if !w.attached {
		w.position = max(w.position, w.from)
		w.attached = w.position >= h.position
	}
	if w.attached {
		return h.position, attached
	}
	return h.position, replaying
}

// detach sends the watch back to the log after a position. The hub's lock is held.
func (w *feedWatch) detach(position int64) {
	w.attached, w.from = false, position
	w.inbox.wake()
}

// begin starts the stream where the hub is. The hub's lock is held.
func (w *feedWatch) begin(kind Kind) {
	w.epoch, w.position, w.attached = w.hub.epoch, w.hub.position, true
	w.page, w.through, w.from = nil, 0, 0
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
