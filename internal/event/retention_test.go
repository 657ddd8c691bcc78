package event_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// forget advances the clock by a year and drops the feed's expired partitions.
func (r *replica) forget() {
	r.t.Helper()
	for range 2 { // the first closes the current partition, the second drops it
		r.exec(`UPDATE feed_partitions SET opened_at = opened_at - interval '1 year'`)
		if _, err := postgres.Prune(context.Background(), r.db.Owner, time.Hour); err != nil {
			r.t.Fatal(err)
		}
	}
}

// TestFeedCursorThatHasLeft: a feed's cursor from before the beginning of the log gives a RESET to everybody, even if none
// of the subscriber's own events were dropped. A cursor at the end is still valid.
func TestFeedCursorThatHasLeft(t *testing.T) {
	t.Parallel()
	r := start(t, event.Config{})
	live := r.watchFeed(staff, event.Filter{}, "")
	cursors := []string{expect(t, live, event.Snapshot, 0).Cursor}
	e := r.place(ada)
	r.publish(e)
	cursors = append(cursors, expectEvent(t, live, e).Cursor)
	e = r.advance(e.Order.Head)
	r.publish(e)
	last := expectEvent(t, live, e).Cursor
	r.forget()
	for _, cursor := range cursors {
		for _, p := range []auth.Principal{ada, grace, staff} {
			if u := expect(t, r.watchFeed(p, event.Filter{}, cursor), event.Reset, 0); u.Cursor != last {
				t.Errorf("the RESET is at %s, want the feed's end %s", u.Cursor, last)
			}
		}
	}
	resumed := r.watchFeed(ada, event.Filter{}, last)
	e = r.advance(e.Order.Head)
	r.publish(e)
	expectEvent(t, resumed, e)
	expectEvent(t, live, e)
}

// pausing is a log that runs a function before it reads a page.
type pausing struct {
	*postgres.Log
	page   atomic.Pointer[func()]
	events atomic.Pointer[func()]
}

func (l *pausing) FeedPage(ctx context.Context, p auth.Principal, scope event.Scope, after int64, limit int) (event.FeedPage, error) {
	if f := l.page.Swap(nil); f != nil {
		(*f)()
	}
	return l.Log.FeedPage(ctx, p, scope, after, limit)
}

func (l *pausing) Events(ctx context.Context, p auth.Principal, orderID id.Order, after, limit int) ([]order.Event, error) {
	if f := l.events.Swap(nil); f != nil {
		(*f)()
	}
	return l.Log.Events(ctx, p, orderID, after, limit)
}

func startPausing(t *testing.T, cfg event.Config) (*replica, *pausing) {
	t.Helper()
	r := start(t, event.Config{})
	log := &pausing{Log: postgres.NewLog(r.db.API)}
	hub := event.NewHub(log, cfg)
	run(t, hub.Run)
	return &replica{t: t, url: r.url, db: r.db, hub: hub, sequencer: r.sequencer}, log
}

// TestFeedLeavesDuringReplay: a row that is dropped while a subscriber replays the feed gives a RESET at that point.
func TestFeedLeavesDuringReplay(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]auth.Principal{"OKStaff": staff, "OKCustomer": ada} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, log := startPausing(t, event.Config{PageSize: 2, PollInterval: 20 * time.Millisecond})
			live := r.watchFeed(staff, event.Filter{}, "")
			from := expect(t, live, event.Snapshot, 0).Cursor
			head := r.place(ada).Order.Head
			for range 4 {
				r.advance(head)
			}
			r.sequencer.Wake()
			for range 5 {
				next(t, live)
			}
			sub := r.watchFeed(p, event.Filter{}, from)
			expect(t, sub, event.Happened, 1)
			expect(t, sub, event.Happened, 2)
			leave := r.forget
			log.page.Store(&leave)
			expect(t, sub, event.Reset, 0)
			e := r.advance(head)
			r.publish(e)
			expectEvent(t, sub, e)
		})
	}
}

// TestOrderLeavesDuringReplay: the same for an order's log, whose partition is dropped between two pages.
func TestOrderLeavesDuringReplay(t *testing.T) {
	t.Parallel()
	r, log := startPausing(t, event.Config{PageSize: 2})
	head := r.place(ada).Order.Head
	for range 3 {
		r.advance(head)
	}
	// The test's orders are in the default partition, which is never dropped, so their rows are deleted.
	leave := func() {
		r.exec(`ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`, `DELETE FROM order_events`)
	}
	sub := r.watchOrder(ada, head.ID, oldOrderCursor(head.ID, 0))
	expect(t, sub, event.Happened, 1)
	expect(t, sub, event.Happened, 2)
	log.events.Store(&leave)
	expect(t, sub, event.Reset, 4)
	e := r.advance(head)
	r.publish(e)
	expectEvent(t, sub, e)
	// And from the start: no event of it is left.
	expect(t, r.watchOrder(ada, head.ID, r.orderAt(head.ID, 1).String()), event.Reset, 5)
}

// TestFeedRowWithoutEvent: a feed row whose event is gone is not skipped silently.
func TestFeedRowWithoutEvent(t *testing.T) {
	t.Parallel()
	r := join(t, postgrestest.URL(t), event.Config{})
	live := r.watchFeed(staff, event.Filter{}, "")
	from := expect(t, live, event.Snapshot, 0).Cursor
	for range 2 {
		r.publish(r.place(ada))
		expect(t, live, event.Happened, 1)
	}
	r.exec(`ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`,
		`DELETE FROM order_events WHERE order_id = (SELECT order_id FROM feed WHERE position = 1)`)
	expect(t, r.watchFeed(staff, event.Filter{}, from), event.Reset, 0)
}
