package event

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// retryPause is how long a subscriber waits for a database that does not answer.
const retryPause = 250 * time.Millisecond

// orderWatch is a subscription to one order. It is registered with the hub first and reads the log then, so that each
// event is in what it reads, in its inbox, or in both; versions tell which. All but the inbox is Poll's alone.
type orderWatch struct {
	hub *Hub
	// The other watches of the order, under the hub's lock. A map would take more than all else here, and nearly every
	// order has one subscriber, or a few.
	next, previous *orderWatch
	joined         bool
	// begun: some item was handed out. reset: the state of now is to be read. doubted: the log is to be asked whether it
	// holds what was handed out.
	begun, reset, doubted bool

	own       Subscription // what is given out
	inbox     inbox
	principal *auth.Principal
	orderID   uuid.UUID
	epoch     int64
	// last version handed out, or had by who has come with a cursor, and its mark.
	last int
	mark Mark
	// first is the item that starts the stream.
	first *Update
	// page has events read from the log.
	page []order.Event
	// known: the log has, or had, the events up to this version, and what is not handed out of them is to be read.
	known int
}

// WatchOrder subscribes to an order. Without a cursor the first item is a Snapshot of now. With one, everything later
// follows; a Reset comes first when the log cannot continue from there. The subscription stays open after the order is
// final. Close it.
//
// Errors: UNAUTHENTICATED; NOT_FOUND when the principal sees no such order; INVALID_CURSOR; UNAVAILABLE when the log
// does not answer; stream.ErrDraining; stream.ErrOutdated when a later version of the server has written the order.
func (h *Hub) WatchOrder(ctx context.Context, p auth.Principal, orderID uuid.UUID, after string) (*Subscription, error) {
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
	if err := h.load(ctx); err != nil {
		return nil, unavailable(err)
	}
	w := &orderWatch{hub: h, inbox: inbox{limit: h.cfg.QueueLimit}, principal: auth.Shared(ctx, p), orderID: orderID}
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
		w.inbox.has(o.Order.Version, o.Mark)
	default:
		w.start(Reset, o)
	}
	w.own = Subscription{hub: h, source: w, inbox: &w.inbox}
	return &w.own, nil
}

// continues reports whether the order's log goes on from a cursor. A cursor of an older version proves nothing, except at
// the beginning; that the log still holds what follows it is found by reading.
func (o *OrderState) continues(c OrderCursor, epoch int64) bool {
	if c.old {
		return c.Version == 0
	}
	return c.Epoch == epoch && c.Version <= o.Order.Version && o.Has.proves(c.Mark)
}

// start begins the stream with a state.
func (w *orderWatch) start(kind Kind, o OrderState) {
	w.last, w.mark, w.known, w.page, w.reset = o.Order.Version, o.Mark, o.Order.Version, nil, false
	w.first = &Update{Kind: kind, Cursor: w.at(), Order: o.Order}
	w.inbox.has(o.Order.Version, o.Mark)
}

func (w *orderWatch) cursor() string {
	if !w.begun {
		return ""
	}
	return w.at()
}

// at is the cursor after the last version.
func (w *orderWatch) at() string {
	return OrderCursor{Epoch: w.epoch, OrderID: w.orderID, Version: w.last, Mark: w.mark}.String()
}

func (w *orderWatch) waiting() bool {
	if len(w.page) > 0 {
		return true
	}
	e := w.inbox.next()
	return e != nil && e.Version <= w.last+1 // else what is missing is to be read first
}

func (w *orderWatch) step(ctx context.Context) (*Update, time.Time, error) {
	for {
		if w.first != nil {
			u := w.first
			w.first, w.begun = nil, true
			return u, time.Time{}, nil
		}
		if len(w.page) > 0 {
			e := &w.page[0]
			w.page = w.page[1:]
			if w.follows(e) {
				return orderUpdate(w.epoch, e), time.Time{}, nil
			}
			continue
		}
		if again, err := w.work(ctx); err != nil || !again.IsZero() {
			return nil, again, err
		}
		if w.first != nil || len(w.page) > 0 {
			continue
		}
		d, found, err := w.inbox.take()
		switch {
		case err != nil:
			return nil, time.Time{}, err
		case found == nothing:
			return nil, time.Time{}, nil
		case found == mustReset:
			w.reset = true
		case found == mustAsk:
			w.doubted = true
		case d.update.Event.Version > w.last+1:
			// What is missing was committed before this one, so the log has both.
			w.known = d.update.Event.Version
		case w.follows(d.update.Event):
			return d.update, time.Time{}, nil
		}
	}
}

// follows reports whether an event is to be handed out now: not if it was before, or may not be seen.
func (w *orderWatch) follows(e *order.Event) bool {
	if e.Version <= w.last || !w.principal.CanSee(e.Order.CustomerID) {
		return false
	}
	w.last, w.mark, w.begun = e.Version, MarkOf(e.ID), true
	return true
}

// work reads from the log what the subscriber needs of it. again is when to try once more.
func (w *orderWatch) work(ctx context.Context) (again time.Time, err error) {
	switch {
	case w.hub.isDraining():
		return time.Time{}, nil
	case w.reset:
		err = w.restart(ctx)
	case w.doubted:
		err = w.ask(ctx)
	case w.last < w.known:
		err = w.fill(ctx)
	}
	if err != nil {
		return w.hub.later(ctx, err)
	}
	return time.Time{}, nil
}

// restart begins the stream anew from the state of now.
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

// ask reads whether the log still holds what was handed out, and begins anew if not.
func (w *orderWatch) ask(ctx context.Context) error {
	o, err := w.hub.log.Order(ctx, *w.principal, w.orderID, w.last)
	if err != nil {
		return err
	}
	w.doubted = false
	if !o.Has.proves(w.mark) {
		w.inbox.void() // and so what comes next is compared with nothing of before
		return nil
	}
	w.known = max(w.known, o.Order.Version)
	return nil
}

// fill reads the events after the last one handed out, of which there are some.
func (w *orderWatch) fill(ctx context.Context) error {
	events, err := w.hub.log.Events(ctx, *w.principal, w.orderID, w.last, w.hub.cfg.PageSize)
	if err != nil {
		return err
	}
	if len(events) == 0 || events[0].Version != w.last+1 {
		return w.restart(ctx) // the log no longer holds what comes next
	}
	w.page = events
	newest := &events[len(events)-1]
	w.inbox.has(newest.Version, MarkOf(newest.ID))
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
	h.follows()
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

// outdated logs why a subscription ends, for operators who wonder why clients come back, and returns stream.ErrOutdated.
func (h *Hub) outdated(ctx context.Context, err error) error {
	h.cfg.Logger.WarnContext(ctx, "a subscription ends because a newer version of the server has written its next item; its client reconnects", "error", err)
	return stream.ErrOutdated
}

// later decides what a failed read means to a subscription: the end, or another try at the given time.
func (h *Hub) later(ctx context.Context, err error) (time.Time, error) {
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if errors.Is(err, fault.ErrNewer) {
		return time.Time{}, h.outdated(ctx, err)
	}
	if fault.CodeOf(err) != fault.Internal {
		return time.Time{}, err
	}
	h.cfg.Logger.WarnContext(ctx, "a subscription cannot read the log and will try again", "error", err)
	return time.Now().Add(retryPause), nil
}
