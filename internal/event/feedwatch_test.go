package event_test

import (
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

func feedCursor(t *testing.T, u *event.Update) event.FeedCursor {
	t.Helper()
	c, err := event.ParseFeed(u.Cursor)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// placed waits for the feed's next item, which must be the given event.
func expectEvent(t *testing.T, sub *event.Subscription, e order.Event) *event.Update {
	t.Helper()
	u := expect(t, sub, event.Happened, e.Version)
	if u.Event.ID != e.ID {
		t.Fatalf("got version %d of %s, want version %d of %s", u.Event.Version, u.Order.ID, e.Version, e.OrderID())
	}
	return u
}

func TestWatchFeed(t *testing.T) {
	t.Parallel()

	t.Run("OKOwnOrdersOnly", func(t *testing.T) {
		t.Parallel()
		r := start(t, event.Config{})
		mine, theirs, all := r.watchFeed(ada, event.Filter{}, ""), r.watchFeed(grace, event.Filter{}, ""), r.watchFeed(staff, event.Filter{}, "")
		for _, sub := range []*event.Subscription{mine, theirs, all} {
			expect(t, sub, event.Snapshot, 0)
		}
		a, b := r.place(ada), r.place(grace)
		r.publish(a, b)
		expectEvent(t, mine, a)
		expectEvent(t, theirs, b)
		for range 2 { // each gets an item, so the feed was read that far
			expect(t, all, event.Happened, 1)
		}
		silent(t, mine)
		silent(t, theirs)
	})

	t.Run("OKFilters", func(t *testing.T) {
		t.Parallel()
		r := start(t, event.Config{})
		types := r.watchFeed(staff, event.Filter{Types: []order.EventType{order.PaymentProcessing}}, "")
		statuses := r.watchFeed(staff, event.Filter{Statuses: []order.Status{order.Delivered}}, "")
		customer := r.watchFeed(staff, event.Filter{CustomerID: id.Some(grace.CustomerID)}, "")
		for _, sub := range []*event.Subscription{types, statuses, customer} {
			expect(t, sub, event.Snapshot, 0)
		}
		a, b := r.place(ada), r.place(grace)
		a2 := r.advance(a.Order.Head)
		r.publish(a, b, a2)
		expectEvent(t, types, a2)
		u := expectEvent(t, customer, b)
		silent(t, statuses)
		again := r.watchFeed(staff, event.Filter{CustomerID: id.Some(grace.CustomerID)}, u.Cursor)
		b2 := r.advance(b.Order.Head)
		r.publish(b2)
		expectEvent(t, again, b2)
	})

	t.Run("OKResumesFromAnyCursor", func(t *testing.T) {
		t.Parallel()
		r := start(t, event.Config{PageSize: 3})
		live := r.watchFeed(ada, event.Filter{}, "")
		cursors := []string{expect(t, live, event.Snapshot, 0).Cursor}
		var events []order.Event
		for range 5 {
			e := r.place(ada)
			events = append(events, e, r.advance(e.Order.Head))
			r.publish(r.place(grace))
		}
		for _, e := range events {
			_ = e
			cursors = append(cursors, next(t, live).Cursor)
		}
		for i, cursor := range cursors {
			for _, p := range []auth.Principal{ada, staff} {
				sub := r.watchFeed(p, event.Filter{}, cursor)
				n := 0
				last := feedCursor(t, &event.Update{Cursor: cursor}).Position
				for n < len(events)-i {
					u := next(t, sub)
					if c := feedCursor(t, u); c.Position <= last {
						t.Fatalf("position %d after %d", c.Position, last)
					} else if p == staff && c.Position != last+1 {
						t.Fatalf("position %d after %d: one is missing", c.Position, last)
					} else {
						last = c.Position
					}
					if u.Order.CustomerID == ada.CustomerID {
						n++
					}
				}
			}
		}
	})

	t.Run("OKCheckpoint", func(t *testing.T) {
		t.Parallel()
		r := start(t, event.Config{CheckpointInterval: 20 * time.Millisecond})
		sub := r.watchFeed(ada, event.Filter{}, "")
		from := feedCursor(t, expect(t, sub, event.Snapshot, 0)).Position
		r.publish(r.place(grace))
		u := expect(t, sub, event.Checkpoint, 0)
		if got := feedCursor(t, u).Position; got != from+1 {
			t.Errorf("the checkpoint is at %d, want %d", got, from+1)
		}
		silent(t, sub) // the place has not changed, so there is no other checkpoint
		mine := r.place(ada)
		r.publish(mine)
		expectEvent(t, sub, mine)
		expectEvent(t, r.watchFeed(ada, event.Filter{}, u.Cursor), mine)
	})

	t.Run("OKResets", func(t *testing.T) {
		t.Parallel()
		r := start(t, event.Config{})
		first := r.watchFeed(staff, event.Filter{}, "")
		expect(t, first, event.Snapshot, 0)
		for range 4 {
			r.publish(r.place(ada))
			expect(t, first, event.Happened, 1)
		}
		gone, at3 := r.feedAt(1), r.feedAt(3)
		r.exec(`UPDATE feed_partitions SET mark_before = (SELECT mark FROM feed WHERE position = 2)`)
		r.exec(`ALTER TABLE feed DISABLE TRIGGER feed_append_only`, `DELETE FROM feed WHERE position <= 2`, `UPDATE feed_partitions SET first_position = 3`)
		for name, c := range map[string]event.FeedCursor{
			"of another log": {Epoch: 3, Position: 3, Mark: at3.Mark}, "of the future": {Epoch: at3.Epoch, Position: 5, Mark: at3.Mark},
			"that is gone": gone, "with other events": {Epoch: at3.Epoch, Position: 4, Mark: at3.Mark}, "without a mark": {Epoch: at3.Epoch, Position: 3},
		} {
			sub := r.watchFeed(staff, event.Filter{}, c.String())
			u := next(t, sub)
			if got := feedCursor(t, u); u.Kind != event.Reset || u.Order != nil || got.Position != 4 || got.Epoch != at3.Epoch {
				t.Errorf("a position %s: %s %+v, want RESET at 4", name, u.Kind, got)
			}
		}
		kept := r.watchFeed(staff, event.Filter{}, r.feedAt(2).String())
		expect(t, kept, event.Happened, 1)
	})

	t.Run("OKWithoutNotifications", func(t *testing.T) {
		t.Parallel()
		writer := start(t, event.Config{})
		reader := join(t, writer.url, event.Config{PollInterval: 20 * time.Millisecond}) // it gets no NOTIFY
		feed := reader.watchFeed(ada, event.Filter{}, "")
		expect(t, feed, event.Snapshot, 0)
		e := writer.place(ada)
		one := reader.watchOrder(ada, e.OrderID(), "")
		expect(t, one, event.Snapshot, 1)
		expectEvent(t, feed, e)
		e2 := writer.advance(e.Order.Head)
		expectEvent(t, feed, e2)
		expectEvent(t, one, e2)
	})

	t.Run("OKCursorOfAReplicaThatIsAhead", func(t *testing.T) {
		t.Parallel()
		ahead := start(t, event.Config{})
		behind := join(t, ahead.url, event.Config{PollInterval: time.Hour})
		expect(t, behind.watchFeed(staff, event.Filter{}, ""), event.Snapshot, 0)
		sub := ahead.watchFeed(staff, event.Filter{}, "")
		expect(t, sub, event.Snapshot, 0)
		e := ahead.place(ada)
		ahead.publish(e)
		cursor := expectEvent(t, sub, e).Cursor
		moved := behind.watchFeed(staff, event.Filter{}, cursor)
		silent(t, moved)
		e2 := ahead.advance(e.Order.Head)
		ahead.publish(e2)
		expectEvent(t, sub, e2)
		behind.hub.Wake()
		expectEvent(t, moved, e2)
	})

	t.Run("Err", func(t *testing.T) {
		t.Parallel()
		r := start(t, event.Config{})
		for name, c := range map[string]struct {
			principal auth.Principal
			filter    event.Filter
			after     string
			want      fault.Code
		}{
			"nobody":                 {auth.Principal{}, event.Filter{}, "", fault.Unauthenticated},
			"a customer's filter":    {ada, event.Filter{CustomerID: id.Some(grace.CustomerID)}, "", fault.Forbidden},
			"garbage":                {ada, event.Filter{}, "?", fault.InvalidCursor},
			"the cursor of an order": {ada, event.Filter{}, event.OrderCursor{Epoch: 1, OrderID: id.New[id.Order](), Version: 1}.String(), fault.InvalidCursor},
		} {
			if _, err := r.hub.WatchFeed(t.Context(), c.principal, c.filter, c.after); fault.CodeOf(err) != c.want {
				t.Errorf("%s: error %v, want %s", name, err, c.want)
			}
		}
	})
}
