package event_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/stream"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

func TestWatchOrder(t *testing.T) {
	t.Parallel()
	r := start(t, event.Config{PageSize: 3})
	fresh := func(versions int) (*order.Head, []order.Event) {
		events := []order.Event{r.place(ada)}
		for len(events) < versions {
			events = append(events, r.advance(events[0].Order.Head))
		}
		return events[0].Order.Head, events
	}

	t.Run("OKSnapshotThenEvents", func(t *testing.T) {
		t.Parallel()
		head, _ := fresh(2)
		sub := r.watchOrder(ada, head.ID, "")
		expect(t, sub, event.Snapshot, 2)
		r.publish(r.advance(head))
		u := expect(t, sub, event.Happened, 3)
		if u.Event.Order != u.Order {
			t.Error("the item's order is not the event's")
		}
		r.advance(head) // without a notification, as if on another replica
		r.sequencer.Wake()
		expect(t, sub, event.Happened, 4)
	})

	t.Run("OKResumesFromAnyCursor", func(t *testing.T) {
		t.Parallel()
		head, events := fresh(8)
		for v := 1; v <= 8; v++ {
			sub := r.watchOrder(staff, head.ID, r.orderAt(head.ID, v).String())
			for want := v + 1; want <= 8; want++ {
				u := expect(t, sub, event.Happened, want)
				if u.Event.ID != events[want-1].ID {
					t.Errorf("version %d has another event's id", want)
				}
			}
			silent(t, sub)
		}
		sub := r.watchOrder(ada, head.ID, r.orderAt(head.ID, 8).String())
		r.publish(r.advance(head))
		expect(t, sub, event.Happened, 9)
	})

	t.Run("OKPublishedInAnyOrderAndTwice", func(t *testing.T) {
		t.Parallel()
		head, _ := fresh(1)
		sub := r.watchOrder(ada, head.ID, "")
		expect(t, sub, event.Snapshot, 1)
		v2, v3, v4 := r.advance(head), r.advance(head), r.advance(head)
		r.publish(v4)
		r.publish(v2, v3)
		r.publish(v3, v4)
		for want := 2; want <= 4; want++ {
			expect(t, sub, event.Happened, want)
		}
		r.publish(v2, v3, v4)
		r.publish(r.advance(head))
		expect(t, sub, event.Happened, 5)
		silent(t, sub)
	})

	t.Run("OKResets", func(t *testing.T) {
		t.Parallel()
		head, _ := fresh(5)
		mine := r.orderAt(head.ID, 5)
		for name, c := range map[string]event.OrderCursor{
			"another log's":   {Epoch: 7, OrderID: head.ID, Version: 2},
			"of the future":   {Epoch: mine.Epoch, OrderID: head.ID, Version: 6, Mark: mine.Mark},
			"far beyond":      {Epoch: mine.Epoch, OrderID: head.ID, Version: 1 << 40, Mark: mine.Mark},
			"another event's": {Epoch: mine.Epoch, OrderID: head.ID, Version: 4, Mark: mine.Mark},
			"without a mark":  {Epoch: mine.Epoch, OrderID: head.ID, Version: 5},
			"an older epoch":  {Epoch: 0, OrderID: head.ID, Version: 5, Mark: mine.Mark},
		} {
			sub := r.watchOrder(ada, head.ID, c.String())
			u := next(t, sub)
			if u.Kind != event.Reset || u.Order == nil || u.Order.Version != 5 {
				t.Errorf("a cursor %s: %s, want RESET with version 5", name, u.Kind)
			}
			again := r.watchOrder(ada, head.ID, u.Cursor)
			silent(t, again)
		}
	})

	t.Run("ErrNotVisible", func(t *testing.T) {
		t.Parallel()
		head, _ := fresh(1)
		for name, c := range map[string]struct {
			principal auth.Principal
			want      fault.Code
		}{
			"another customer": {grace, fault.NotFound},
			"nobody":           {auth.Principal{}, fault.Unauthenticated},
		} {
			_, err := r.hub.WatchOrder(t.Context(), c.principal, head.ID, "")
			if fault.CodeOf(err) != c.want {
				t.Errorf("%s: error %v, want %s", name, err, c.want)
			}
		}
		if _, err := r.hub.WatchOrder(t.Context(), staff, id.New[id.Order](), ""); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("an order that is not there: error %v, want NOT_FOUND", err)
		}
	})

	t.Run("ErrCursor", func(t *testing.T) {
		t.Parallel()
		head, _ := fresh(1)
		for _, after := range []string{"x", r.feedAt(1).String(), event.OrderCursor{Epoch: 1, OrderID: id.New[id.Order](), Version: 1}.String()} {
			if _, err := r.hub.WatchOrder(t.Context(), ada, head.ID, after); fault.CodeOf(err) != fault.InvalidCursor {
				t.Errorf("after %q: error %v, want INVALID_CURSOR", after, err)
			}
		}
	})

	t.Run("ErrDoneAfterClose", func(t *testing.T) {
		t.Parallel()
		head, _ := fresh(1)
		sub := r.watchOrder(ada, head.ID, "")
		expect(t, sub, event.Snapshot, 1)
		ended := make(chan error)
		go func() { _, err := nextOrError(sub); ended <- err }()
		sub.Close()
		sub.Close()
		if err := <-ended; !errors.Is(err, stream.ErrDone) {
			t.Errorf("Next after Close: %v, want ErrDone", err)
		}
	})

	t.Run("ErrContext", func(t *testing.T) {
		t.Parallel()
		head, _ := fresh(1)
		sub := r.watchOrder(ada, head.ID, "")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := streamtest.Next(ctx, sub); !errors.Is(err, context.Canceled) {
			t.Errorf("Next: %v, want the context's error", err)
		}
		expect(t, sub, event.Snapshot, 1) // the item was not lost
	})
}

func TestWatchOrderWhoseLogHasLeft(t *testing.T) {
	t.Parallel()
	r := start(t, event.Config{})
	head := r.place(ada).Order.Head
	for range 4 {
		r.advance(head)
	}
	r.exec(`ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`, `DELETE FROM order_events WHERE version <= 3`)
	sub := r.watchOrder(ada, head.ID, r.orderAt(head.ID, 1).String())
	expect(t, sub, event.Reset, 5)
	r.publish(r.advance(head))
	expect(t, sub, event.Happened, 6)
	// Version 3 has been dropped, so nothing proves the cursor.
	expect(t, r.watchOrder(ada, head.ID, r.orderAt(head.ID, 3).String()), event.Reset, 6)
	kept := r.watchOrder(ada, head.ID, r.orderAt(head.ID, 4).String())
	expect(t, kept, event.Happened, 5)
}

// TestPublishedIsAsLogged: a commit publishes the event that the log would return, without the data that the log leaves out.
func TestPublishedIsAsLogged(t *testing.T) {
	t.Parallel()
	r := start(t, event.Config{})
	placed := r.place(ada)
	head := placed.Order.Head
	published := r.watchOrder(ada, head.ID, r.orderAt(head.ID, 1).String())
	e := r.advance(head)
	e.Order.Payments = []payment.Payment{{Status: payment.Processing, CaptureMethod: payment.CaptureAutomatic, Method: "sim_approve", NextAction: &payment.NextAction{}}}
	r.publish(e)
	u := expect(t, published, event.Happened, 2)
	if p := u.Order.Payments[0]; p.Method != "" || p.NextAction != nil {
		t.Errorf("published with %q and %v, which stay out of events", p.Method, p.NextAction)
	}
	if e.Order.Payments[0].Method == "" {
		t.Error("the publisher's own event was changed")
	}

	logged := r.watchOrder(ada, head.ID, oldOrderCursor(head.ID, 0))
	got := expect(t, logged, event.Happened, 1).Event
	placed.Order.Payments[0].Method = ""
	if !reflect.DeepEqual(got.Order.State, placed.Order.State) || got.ID != placed.ID || got.RequestID != placed.RequestID || !got.At.Equal(placed.At) {
		t.Errorf("read back\n%+v\nwritten\n%+v", got.Order.State, placed.Order.State)
	}
}
