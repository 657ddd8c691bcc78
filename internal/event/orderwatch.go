package event

import (
	"context"
	"errors"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// retryPause is the pause before a subscription repeats a failed read.
const retryPause = 250 * time.Millisecond

// orderWatch is a subscription to one order. It first registers with the hub and then reads the log. So each event is in
// what it reads, in its queue, or in both, and versions reveal duplicates. Only Poll uses the fields below, except the queue
// and the links.
type orderWatch struct {
	hub *Hub
	// next and previous link the watches of the order; the hub's lock guards them. A map would be larger than the watch, and
	// nearly every order has one subscriber or a few.
	next, previous *orderWatch
	joined         bool
	// started: an item was handed out. reset: the current state must be read. unverified: the log must be asked whether it
	// still holds what was handed out.
	started, reset, unverified bool

	own       Subscription // returned to the caller
	queue     subscriberQueue
	principal *auth.Principal
	orderID   id.Order
	epoch     int64
	// last is the last version handed out, or the cursor's at first, and mark its mark.
	last int
	mark Mark
	// first is the item that starts the stream; nil after it was handed out.
	first *Update
	// page has events read from the log and not handed out yet.
	page []order.Event
	// known is the highest version that the log is known to have. Events up to it that were not handed out must be read.
	known int
}

// WatchOrder subscribes to an order. Without a cursor the first item is a Snapshot of the current state. With one, every
// later event follows; a Reset comes first when the log cannot continue from the cursor. The subscription stays open after
// the order is final. The caller closes it.
//
// Errors: UNAUTHENTICATED; NOT_FOUND when the principal may see no such order; INVALID_CURSOR; UNAVAILABLE when the log does
// not answer; stream.ErrDraining; stream.ErrOutdated when a later version of the server has written the order.
func (h *Hub) WatchOrder(ctx context.Context, p auth.Principal, orderID id.Order, after string) (*Subscription, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	var cursor OrderCursor
	if after != "" {
		var err error
		if cursor, err = ParseOrder(after, orderID); err != nil {
			return nil, err
		}
	}
	if h.isDraining() {
		return nil, stream.ErrDraining
	}
	if err := h.loadExtent(ctx); err != nil {
		return nil, unavailable(err)
	}
	w := &orderWatch{hub: h, queue: subscriberQueue{limit: h.cfg.QueueLimit}, principal: auth.Shared(ctx, p), orderID: orderID}
	w.join()
	o, err := h.log.Order(ctx, p, orderID, cursor.Version)
	if err != nil {
		w.leave()
		if errors.Is(err, fault.ErrNewer) {
			return nil, h.outdated(ctx, err)
		}
		return nil, unavailable(err)
	}
	switch {
	case after == "":
		w.start(Snapshot, o)
	case o.continues(cursor, w.epoch):
		w.last, w.mark, w.known = cursor.Version, o.Has, o.Order.Version
		w.queue.markRead(o.Order.Version, o.Mark)
	default:
		w.start(Reset, o)
	}
	w.own = Subscription{hub: h, source: w, queue: &w.queue}
	return &w.own, nil
}

// continues reports whether the order's log continues from a cursor. A cursor in the old format proves nothing, except
// version 0. Whether the log still holds the following events is checked when they are read.
func (o *OrderState) continues(c OrderCursor, epoch int64) bool {
	if c.old {
		return c.Version == 0
	}
	return c.Epoch == epoch && c.Version <= o.Order.Version && o.Has.proves(c.Mark)
}

// start starts the stream with a state.
func (w *orderWatch) start(kind Kind, o OrderState) {
	w.last, w.mark, w.known, w.page, w.reset = o.Order.Version, o.Mark, o.Order.Version, nil, false
	w.first = &Update{Kind: kind, Cursor: w.currentCursor(), Order: o.Order}
	w.queue.markRead(o.Order.Version, o.Mark)
}

func (w *orderWatch) cursor() string {
	if !w.started {
		return ""
	}
	return w.currentCursor()
}

// currentCursor returns the cursor after the last version.
func (w *orderWatch) currentCursor() string {
	return OrderCursor{Epoch: w.epoch, OrderID: w.orderID, Version: w.last, Mark: w.mark}.String()
}

func (w *orderWatch) buffered() bool {
	if len(w.page) > 0 {
		return true
	}
	e := w.queue.peek()
	return e != nil && e.Version <= w.last+1 // otherwise a gap must be read first
}

func (w *orderWatch) step(ctx context.Context) (*Update, time.Time, error) {
	for {
		if w.first != nil {
			u := w.first
			w.first, w.started = nil, true
			return u, time.Time{}, nil
		}
		if len(w.page) > 0 {
			e := &w.page[0]
			w.page = w.page[1:]
			if w.advance(e) {
				return orderUpdate(w.epoch, e), time.Time{}, nil
			}
			continue
		}
		if again, err := w.readLog(ctx); err != nil || !again.IsZero() {
			return nil, again, err
		}
		if w.first != nil || len(w.page) > 0 {
			continue
		}
		d, found, err := w.queue.take()
		switch {
		case err != nil:
			return nil, time.Time{}, err
		case found == nothing:
			return nil, time.Time{}, nil
		case found == mustReset:
			w.reset = true
		case found == mustVerify:
			w.unverified = true
		case d.update.Event.Version > w.last+1:
			// The gap was committed before this event, so the log has both.
			w.known = d.update.Event.Version
		case w.advance(d.update.Event):
			return d.update, time.Time{}, nil
		}
	}
}

// advance reports whether to hand out an event, and if so makes it the last one. It refuses events handed out before and
// events that the principal may not see.
func (w *orderWatch) advance(e *order.Event) bool {
	if e.Version <= w.last || !w.principal.CanSee(e.Order.CustomerID) {
		return false
	}
	w.last, w.mark, w.started = e.Version, MarkOf(e.ID), true
	return true
}

// readLog reads what the subscription needs from the log. again, if not zero, is the time to retry.
func (w *orderWatch) readLog(ctx context.Context) (again time.Time, err error) {
	switch {
	case w.hub.isDraining():
		return time.Time{}, nil
	case w.reset:
		err = w.restart(ctx)
	case w.unverified:
		err = w.verify(ctx)
	case w.last < w.known:
		err = w.readGap(ctx)
	}
	if err != nil {
		return w.hub.retryOrEnd(ctx, err)
	}
	return time.Time{}, nil
}

// restart starts the stream over from the current state.
func (w *orderWatch) restart(ctx context.Context) error {
	w.hub.mu.RLock()
	epoch := w.hub.epoch
	w.hub.mu.RUnlock()
	o, err := w.hub.log.Order(ctx, *w.principal, w.orderID, 0)
	if err != nil {
		return err
	}
	w.epoch = epoch
	w.start(Reset, o)
	return nil
}

// verify reads whether the log still holds what was handed out, and starts over if not.
func (w *orderWatch) verify(ctx context.Context) error {
	o, err := w.hub.log.Order(ctx, *w.principal, w.orderID, w.last)
	if err != nil {
		return err
	}
	w.unverified = false
	if !o.Has.proves(w.mark) {
		w.queue.invalidate() // from now on nothing is compared with the old versions
		return nil
	}
	w.known = max(w.known, o.Order.Version)
	return nil
}

// readGap reads the events after the last one handed out, when there are some.
func (w *orderWatch) readGap(ctx context.Context) error {
	events, err := w.hub.log.Events(ctx, *w.principal, w.orderID, w.last, w.hub.cfg.PageSize)
	if err != nil {
		return err
	}
	if len(events) == 0 || events[0].Version != w.last+1 {
		return w.restart(ctx) // the log no longer holds the next event
	}
	w.page = events
	newest := &events[len(events)-1]
	w.queue.markRead(newest.Version, MarkOf(newest.ID))
	return nil
}

func (w *orderWatch) join() {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.next = h.orders[w.orderID]; w.next != nil {
		w.next.previous = w
	}
	h.orders[w.orderID] = w
	h.stopSkipping()
	w.joined = true
	w.epoch = h.epoch
	h.subscribers.Add(1)
	h.cfg.Relay.OrderWatched(w.orderID, +1)
}

func (w *orderWatch) leave() {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if !w.joined {
		return
	}
	w.joined = false
	if w.next != nil {
		w.next.previous = w.previous
	}
	switch {
	case w.previous != nil:
		w.previous.next = w.next
	case w.next != nil:
		h.orders[w.orderID] = w.next
	default:
		delete(h.orders, w.orderID)
	}
	w.next, w.previous = nil, nil
	h.subscribers.Add(-1)
	h.cfg.Relay.OrderWatched(w.orderID, -1)
}

// outdated logs why a subscription ends, for operators who see clients reconnect, and returns stream.ErrOutdated.
func (h *Hub) outdated(ctx context.Context, err error) error {
	h.cfg.Logger.WarnContext(ctx, "subscription ended: a newer replica wrote an event that this version cannot read; the client reconnects", "error", err)
	return stream.ErrOutdated
}

// retryOrEnd decides whether a failed read ends a subscription or is repeated at the given time.
func (h *Hub) retryOrEnd(ctx context.Context, err error) (time.Time, error) {
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if errors.Is(err, fault.ErrNewer) {
		return time.Time{}, h.outdated(ctx, err)
	}
	if fault.CodeOf(err) != fault.Internal {
		return time.Time{}, err
	}
	h.cfg.Logger.WarnContext(ctx, "reading the log for a subscription failed; retrying", "error", err)
	return time.Now().Add(retryPause), nil
}
