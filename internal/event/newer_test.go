package event_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/event/eventtest"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// freeze commits the next version of an order with an event that a later version could have written. It is one commit, because the hub
// may read the log at any time.
func (r *replica) freeze(head *order.Head, column, value string) {
	r.t.Helper()
	r.commit(func(tx *sqlx.Tx) (order.Event, error) {
		e, err := eventtest.Advance(context.Background(), tx, head)
		if err != nil {
			return e, err
		}
		if _, err := tx.Exec(`ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`); err != nil {
			return e, err
		}
		_, err = tx.Exec(`UPDATE order_events SET `+column+` = `+value+` WHERE order_id = $1 AND version = $2`, head.ID, e.Version)
		return e, err
	})
}

// ends fails unless the subscription ends because of a later version.
func ends(t *testing.T, sub *event.Subscription) {
	t.Helper()
	if u, err := nextOrError(sub); !errors.Is(err, stream.ErrOutdated) {
		t.Fatalf("%+v, %v; want %v", u, err, stream.ErrOutdated)
	}
}

// TestNewerEvent: an event that this version does not know is neither skipped nor shown. A subscription gets everything
// before it and ends. Subscriptions that would not show it continue.
func TestNewerEvent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"Type":    {"type", `'ORDER_FROZEN'`},
		"Status":  {"state", `jsonb_set(state, '{status}', '"FROZEN"')`},
		"Data":    {"data", `data || '{"attention": "FROZEN"}'`},
		"Payment": {"state", `jsonb_set(state, '{payments}', '[{"status": "FROZEN", "captureMethod": "AUTOMATIC"}]')`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, event.Config{})
			head := r.place(ada).Order.Head
			r.advance(head)
			live := r.watchOrder(ada, head.ID, "")
			expect(t, live, event.Snapshot, 2)
			feed, gracesFeed := r.watchFeed(staff, event.Filter{}, ""), r.watchFeed(grace, event.Filter{}, "")
			narrow := r.watchFeed(staff, event.Filter{Types: []order.EventType{order.OrderCreated}, Statuses: []order.Status{order.Created}}, "")
			for _, sub := range []*event.Subscription{feed, gracesFeed, narrow} {
				expect(t, sub, event.Snapshot, 0)
			}
			r.freeze(head, change[0], change[1])
			graces := r.place(grace)
			r.publish()
			ends(t, live)
			for { // the sequencer decides how many of the earlier events come with a position
				u, err := nextOrError(feed)
				if errors.Is(err, stream.ErrOutdated) {
					break
				}
				if err != nil || u.Order.ID != head.ID || u.Event.Version > 2 {
					t.Fatalf("the feed continues with %+v, %v", u, err)
				}
			}
			expect(t, gracesFeed, event.Happened, 1)
			for u := next(t, narrow); u.Order.ID != graces.Order.ID; u = next(t, narrow) {
				if u.Event.Version > 1 {
					t.Fatalf("a filter admits %+v", u.Event)
				}
			}
			// From a cursor, the event is in the log, in its place.
			replay := r.watchOrder(ada, head.ID, oldOrderCursor(head.ID, 0))
			expect(t, replay, event.Happened, 1)
			expect(t, replay, event.Happened, 2)
			ends(t, replay)
			all := r.watchFeed(staff, event.Filter{}, oldFeedCursor(0))
			expect(t, all, event.Happened, 1)
			expect(t, all, event.Happened, 2)
			ends(t, all)
		})
	}
}

// TestNewerPublished: the relay too brings events of a later version.
func TestNewerPublished(t *testing.T) {
	t.Parallel()
	r := start(t, event.Config{})
	head := r.place(ada).Order.Head
	sub := r.watchOrder(ada, head.ID, "")
	expect(t, sub, event.Snapshot, 1)
	e := r.advance(head)
	e.Type = "ORDER_FROZEN"
	r.hub.Publish([]order.Event{e})
	ends(t, sub)
}

// TestNewerOrder: an order in a state that this version does not know has no snapshot here. Other orders read by the same
// statement have theirs.
func TestNewerOrder(t *testing.T) {
	t.Parallel()
	r := start(t, event.Config{})
	frozen, open := r.place(ada).Order.Head, r.place(ada).Order.Head
	sub := r.watchOrder(ada, frozen.ID, "")
	expect(t, sub, event.Snapshot, 1)
	r.exec(`ALTER TABLE orders DROP CONSTRAINT orders_status_check`, `UPDATE orders SET status = 'FROZEN' WHERE id = '`+frozen.ID.String()+`'`)
	// Alone, and many at once.
	for range 3 {
		results := make(chan error)
		for i := range 20 {
			go func() {
				head := open
				if i%5 == 0 {
					head = frozen
				}
				watch, err := r.hub.WatchOrder(context.Background(), ada, head.ID, "")
				if err == nil {
					watch.Close()
				}
				if head == frozen && errors.Is(err, stream.ErrOutdated) {
					err = nil
				} else if head == frozen {
					err = errors.New("the frozen order is watched")
				}
				results <- err
			}()
		}
		for range 20 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	}
	// A subscription that would have to start over ends.
	r.exec(`UPDATE event_log SET identity = identity + 1, epoch = epoch + 1`)
	r.hub.Wake()
	ends(t, sub)
}
