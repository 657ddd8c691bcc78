package event

import (
	"context"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
)

// Run reads the feed until ctx ends: after Wake or Grew, and on a timer, because notifications may be lost. It reads the
// events that subscribers of this process watch and have not got yet. Without subscribers it only follows the end of the
// feed. What ReceiveBatch brings is not read. Errors are logged and retried.
func (h *Hub) Run(ctx context.Context) error {
	timer := time.NewTimer(h.cfg.PollInterval)
	defer timer.Stop()
	for {
		h.catchUp(ctx)
		timer.Reset(h.cfg.PollInterval)
		for upToDate := true; upToDate; {
			select {
			case b := <-h.batches:
				upToDate = h.applyBatch(ctx, b)
			case <-h.grown:
				upToDate = h.upToDate(h.announcedEnd.Load())
			case <-h.signal:
				upToDate = false
			case <-timer.C:
				upToDate = false
			case <-ctx.Done():
				return nil // the end of ctx ends Run
			}
		}
	}
}

// catchUp reads the feed to its end.
func (h *Hub) catchUp(ctx context.Context) {
	for ctx.Err() == nil {
		more, err := h.read(ctx)
		if err != nil && ctx.Err() == nil {
			h.cfg.Logger.WarnContext(ctx, "reading the event feed failed; retrying", "error", err)
		}
		if err != nil || !more {
			return
		}
	}
}

// read delivers one batch of the feed. more reports whether there may be another.
func (h *Hub) read(ctx context.Context) (more bool, err error) {
	if err := h.loadExtent(ctx); err != nil {
		return false, err
	}
	after, watched := h.position()
	leads := h.cfg.Relay.Leads()
	limit := 0
	if watched || leads {
		limit = h.cfg.PageSize
	}
	tail, err := h.log.FeedTail(ctx, auth.System, after, limit)
	if err != nil {
		return false, err
	}
	if h.checkRestored(tail) {
		return true, nil
	}
	if limit == 0 {
		return h.skipTo(tail.Last), nil
	}
	if leads && len(tail.Rows) > 0 {
		h.cfg.Relay.Relay(FeedBatch{Epoch: tail.Epoch, From: Place{after, tail.At}, Rows: tail.Rows})
	}
	return len(tail.Rows) == limit, h.deliverAll(ctx, tail.Rows)
}

// deliverAll delivers rows with the events that somebody watches.
func (h *Hub) deliverAll(ctx context.Context, rows []FeedRow) error {
	events, err := h.events(ctx, rows)
	if err != nil {
		return err
	}
	// A subscriber that gets several items is woken once, so that it can send them together.
	var wakeUps []*subscriberQueue
	for i := range rows {
		wakeUps = h.deliver(&rows[i], events[rows[i].Key], wakeUps)
	}
	for _, q := range wakeUps {
		q.wake()
	}
	return nil
}

// position returns the last position delivered, and whether there are subscribers.
func (h *Hub) position() (position int64, watched bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.place.Position, h.watched()
}

// skipTo moves on to a place without delivering anything, unless somebody has subscribed meanwhile.
func (h *Hub) skipTo(to Place) (watched bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watched() {
		return true
	}
	h.place, h.behind = h.place.later(to), false
	return false
}

// upToDate reports whether nothing has to be read up to a position. A restored log is noticed on the timer.
func (h *Hub) upToDate(position int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.place.Position >= position {
		return true
	}
	if h.watched() || h.cfg.Relay.Leads() || !h.loaded {
		return false
	}
	h.behind = true // loadExtent reads it for the next subscriber
	return true
}

// checkRestored compares the log with what the hub knows. It starts every subscription over, and returns true, if the log is
// another one: its epoch has changed, it is shorter, it has other events up to the hub's place, or rows are gone that were
// not delivered.
func (h *Hub) checkRestored(tail FeedTail) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	gap := len(tail.Rows) > 0 && tail.Rows[0].Position != h.place.Position+1
	if tail.Epoch == h.epoch && tail.Last.Position >= h.place.Position && !tail.At.differs(h.place.Mark) && !gap {
		h.setInstance(tail.Instance)
		return false
	}
	h.epoch, h.place, h.behind = tail.Epoch, tail.Last, false
	h.setInstance(tail.Instance)
	h.cfg.Relay.SetLog(tail.Instance, tail.Epoch)
	h.announcedEnd.Store(tail.Last.Position) // the old log's end may be far beyond this one's
	h.cache.clear()
	for _, first := range h.orders {
		for w := first; w != nil; w = w.next {
			w.queue.invalidate()
		}
	}
	for _, watches := range h.feeds {
		for w := range watches {
			w.attached = false
			w.queue.invalidate()
		}
	}
	return true
}

// events returns those events of the rows that a subscriber still needs, from the cache or from the log.
func (h *Hub) events(ctx context.Context, rows []FeedRow) (map[Key]*order.Event, error) {
	events := make(map[Key]*order.Event, len(rows))
	var missing []Key
	h.mu.RLock()
	for i := range rows {
		if !h.wants(&rows[i]) {
			continue
		}
		key := rows[i].Key
		if e := h.cache.get(key); e != nil {
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

// wants reports whether a subscriber needs the row's event. The hub's lock is held.
func (h *Hub) wants(row *FeedRow) bool {
	if len(h.feeds[Everybody]) > 0 || len(h.feeds[Of(row.CustomerID)]) > 0 {
		return true
	}
	for w := h.orders[row.Key.OrderID]; w != nil; w = w.next {
		if w.queue.needs(row.Key.Version) {
			return true
		}
	}
	return false
}

// deliver delivers one row. e is nil when nobody wanted the event just before, or when the log no longer has it. An order's
// subscriber that has come since then has read a later state than this row. A feed's subscriber that has come since then
// reads the log. deliver appends the queues that were empty to wakeUps, for the caller to wake.
func (h *Hub) deliver(row *FeedRow, e *order.Event, wakeUps []*subscriberQueue) []*subscriberQueue {
	h.mu.Lock()
	defer h.mu.Unlock()
	if row.Position <= h.place.Position {
		return wakeUps
	}
	if watch := h.orders[row.Key.OrderID]; watch != nil && e != nil {
		u := orderUpdate(h.epoch, e)
		for w := watch; w != nil; w = w.next {
			if w.queue.putNewer(u) {
				wakeUps = append(wakeUps, &w.queue)
			}
		}
	}
	wakeUps = h.deliverToFeeds(h.feeds[Everybody], row, e, wakeUps)
	wakeUps = h.deliverToFeeds(h.feeds[Of(row.CustomerID)], row, e, wakeUps)
	h.place = row.Place
	return wakeUps
}

func (h *Hub) deliverToFeeds(watches map[*feedWatch]struct{}, row *FeedRow, e *order.Event, wakeUps []*subscriberQueue) []*subscriberQueue {
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
			if w.queue.put(queuedItem{place: row.Place, update: u}) {
				wakeUps = append(wakeUps, &w.queue)
			}
		}
	}
	return wakeUps
}
