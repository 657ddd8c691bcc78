package event

import (
	"context"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
)

// Run reads the feed until ctx ends: when Wake or Grew says so, and on a timer, because what says so may be lost. It reads
// what subscribers of this process watch and have not got yet; with no subscriber it only follows how far the feed goes.
// What Follow brings need not be read. Errors are logged and tried again.
func (h *Hub) Run(ctx context.Context) error {
	timer := time.NewTimer(h.cfg.PollInterval)
	defer timer.Stop()
	for {
		h.catchUp(ctx)
		timer.Reset(h.cfg.PollInterval)
		for inStep := true; inStep; {
			select {
			case b := <-h.batches:
				inStep = h.follow(ctx, b)
			case <-h.grown:
				inStep = h.has(h.told.Load())
			case <-h.signal:
				inStep = false
			case <-timer.C:
				inStep = false
			case <-ctx.Done():
				return nil // the end of ctx is how Run ends
			}
		}
	}
}

// catchUp reads the feed to its end.
func (h *Hub) catchUp(ctx context.Context) {
	for ctx.Err() == nil {
		more, err := h.read(ctx)
		if err != nil && ctx.Err() == nil {
			h.cfg.Logger.WarnContext(ctx, "the hub cannot read the log and will try again", "error", err)
		}
		if err != nil || !more {
			return
		}
	}
}

// read hands on one batch of the feed. more: there may be another.
func (h *Hub) read(ctx context.Context) (more bool, err error) {
	if err := h.load(ctx); err != nil {
		return false, err
	}
	after, watched := h.state()
	leads := h.cfg.Relay.Leads()
	limit := 0
	if watched || leads {
		limit = h.cfg.PageSize
	}
	tail, err := h.log.FeedTail(ctx, auth.System, after, limit)
	if err != nil {
		return false, err
	}
	if h.restored(tail) {
		return true, nil
	}
	if limit == 0 {
		return h.skip(tail.Last), nil
	}
	if leads && len(tail.Rows) > 0 {
		h.cfg.Relay.Relay(FeedBatch{Epoch: tail.Epoch, From: Place{after, tail.At}, Rows: tail.Rows})
	}
	return len(tail.Rows) == limit, h.handAll(ctx, tail.Rows)
}

// handAll hands rows on, with the events that somebody watches.
func (h *Hub) handAll(ctx context.Context, rows []FeedRow) error {
	events, err := h.events(ctx, rows)
	if err != nil {
		return err
	}
	// Who gets several of them is woken once, and can send them together.
	var first []*inbox
	for i := range rows {
		first = h.hand(&rows[i], events[rows[i].Key], first)
	}
	for _, b := range first {
		b.wake()
	}
	return nil
}

// state is where the hub stands and whether anybody watches.
func (h *Hub) state() (position int64, watched bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.place.Position, h.watched()
}

// skip goes on to a place without handing anything on, unless somebody has come to watch meanwhile.
func (h *Hub) skip(to Place) (watched bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watched() {
		return true
	}
	h.place, h.behind = h.place.later(to), false
	return false
}

// has reports whether nothing need be read up to a position. That the log is another one by now is found on the timer.
func (h *Hub) has(position int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.place.Position >= position {
		return true
	}
	if h.watched() || h.cfg.Relay.Leads() || !h.loaded {
		return false
	}
	h.behind = true // the next subscriber asks
	return true
}

// restored makes every subscription start anew when the log is another one than it was: its epoch has changed, it is
// shorter, it has other events up to where the hub is, or rows are gone that were not handed on yet.
func (h *Hub) restored(tail FeedTail) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	gap := len(tail.Rows) > 0 && tail.Rows[0].Position != h.place.Position+1
	if tail.Epoch == h.epoch && tail.Last.Position >= h.place.Position && !tail.At.differs(h.place.Mark) && !gap {
		h.served(tail.Instance)
		return false
	}
	h.epoch, h.place, h.behind = tail.Epoch, tail.Last, false
	h.served(tail.Instance)
	h.cfg.Relay.Serves(tail.Instance, tail.Epoch)
	h.told.Store(tail.Last.Position) // what was said of the other log may be more than this one will have for long
	h.recent.clear()
	for _, first := range h.orders {
		for w := first; w != nil; w = w.next {
			w.inbox.void()
		}
	}
	for _, watches := range h.feeds {
		for w := range watches {
			w.attached = false
			w.inbox.void()
		}
	}
	return true
}

// events gets those events of the rows that a subscriber has not got, from memory or from the log.
func (h *Hub) events(ctx context.Context, rows []FeedRow) (map[Key]*order.Event, error) {
	events := make(map[Key]*order.Event, len(rows))
	var missing []Key
	h.mu.RLock()
	for i := range rows {
		if !h.wants(&rows[i]) {
			continue
		}
		key := rows[i].Key
		if e := h.recent.get(key); e != nil {
			events[key] = e
		} else {
			missing = append(missing, key)
		}
	}
	h.mu.RUnlock()
	if len(missing) == 0 {
		return events, nil
	}
	read, err := h.log.EventsAt(ctx, auth.System, missing)
	if err != nil {
		return nil, err
	}
	for key, e := range read {
		events[key] = e
	}
	return events, nil
}

// wants reports whether somebody has to get the row's event. The lock is held.
func (h *Hub) wants(row *FeedRow) bool {
	if len(h.feeds[Everybody]) > 0 || len(h.feeds[Of(row.CustomerID)]) > 0 {
		return true
	}
	for w := h.orders[row.Key.OrderID]; w != nil; w = w.next {
		if w.inbox.lacks(row.Key.Version) {
			return true
		}
	}
	return false
}

// hand hands one row on. e is nil when nobody wanted it a moment ago, or when the log no longer has it. Who has come to
// watch the order since has read its state later than the row was read; a feed that has come since reads the log.
// The inboxes that were empty are appended to first, for the caller to wake.
func (h *Hub) hand(row *FeedRow, e *order.Event, first []*inbox) []*inbox {
	h.mu.Lock()
	defer h.mu.Unlock()
	if row.Position <= h.place.Position {
		return first
	}
	if watch := h.orders[row.Key.OrderID]; watch != nil && e != nil {
		u := orderUpdate(h.epoch, e)
		for w := watch; w != nil; w = w.next {
			if w.inbox.putNewer(u) {
				first = append(first, &w.inbox)
			}
		}
	}
	first = h.handFeeds(h.feeds[Everybody], row, e, first)
	first = h.handFeeds(h.feeds[Of(row.CustomerID)], row, e, first)
	h.place = row.Place
	return first
}

func (h *Hub) handFeeds(watches map[*feedWatch]struct{}, row *FeedRow, e *order.Event, first []*inbox) []*inbox {
	var u *Update
	for w := range watches {
		switch {
		case !w.attached:
		case e == nil:
			w.detach(h.place)
		case w.filter.admits(w.principal, e):
			if u == nil {
				u = feedUpdate(h.epoch, row.Place, e)
			}
			if w.inbox.put(delivery{place: row.Place, update: u}) {
				first = append(first, &w.inbox)
			}
		}
	}
	return first
}
