package event_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// interleaved is a log that runs a function once, after a read and before its result is used.
type interleaved struct {
	event.Log
	afterOrder, afterTail, afterEventsAt func()
}

func once(f *func()) {
	if act := *f; act != nil {
		*f = nil
		act()
	}
}

func (l *interleaved) Order(ctx context.Context, p auth.Principal, orderID id.Order, has int) (event.OrderState, error) {
	o, err := l.Log.Order(ctx, p, orderID, has)
	once(&l.afterOrder)
	return o, err
}

func (l *interleaved) FeedTail(ctx context.Context, p auth.Principal, after int64, limit int) (event.FeedTail, error) {
	tail, err := l.Log.FeedTail(ctx, p, after, limit)
	once(&l.afterTail)
	return tail, err
}

func (l *interleaved) EventsAt(ctx context.Context, p auth.Principal, keys []event.Key) (map[event.Key]*order.Event, error) {
	events, err := l.Log.EventsAt(ctx, p, keys)
	once(&l.afterEventsAt)
	return events, err
}

// TestInterleaving covers the moments at which a subscriber could miss an event for ever, because no later event reveals the
// gap.
func TestInterleaving(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (*replica, *interleaved, func()) {
		url := postgrestest.URL(t)
		db := postgrestest.Connect(t, url)
		log := &interleaved{Log: postgres.NewLog(db.API)}
		// Without polling, an event that is missed stays missed.
		r := &replica{t: t, url: url, db: db, hub: event.NewHub(log, event.Config{PollInterval: time.Hour})}
		sequencer := postgres.NewSequencer(db.Worker, uuid.NewString(), time.Hour)
		if held, err := sequencer.Acquire(t.Context()); err != nil || !held {
			t.Fatal(held, err)
		}
		return r, log, func() {
			t.Helper()
			if _, err := sequencer.Assign(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}

	t.Run("OKCommitAfterTheSnapshotWasRead", func(t *testing.T) {
		t.Parallel()
		r, log, _ := setup(t)
		head := r.place(ada).Order.Head
		log.afterOrder = func() { r.hub.Publish([]order.Event{r.advance(head)}) }
		sub := r.watchOrder(ada, head.ID, "")
		expect(t, sub, event.Snapshot, 1)
		expect(t, sub, event.Happened, 2)
	})

	t.Run("OKCommitAfterTheCursorWasChecked", func(t *testing.T) {
		t.Parallel()
		r, log, _ := setup(t)
		head := r.place(ada).Order.Head
		log.afterOrder = func() { r.hub.Publish([]order.Event{r.advance(head)}) }
		sub := r.watchOrder(ada, head.ID, r.orderAt(head.ID, 1).String())
		expect(t, sub, event.Happened, 2)
	})

	t.Run("OKFeedJoinsWhenNobodyWatchedAMomentAgo", func(t *testing.T) {
		t.Parallel()
		r, log, assign := setup(t)
		expect(t, r.watchFeed(staff, event.Filter{}, ""), event.Snapshot, 0) // so that the hub knows the position
		r.hub = event.NewHub(log, event.Config{PollInterval: time.Hour})
		before := r.watchFeed(ada, event.Filter{}, "")
		before.Close()
		e := r.place(ada)
		assign()
		joined := make(chan *event.Subscription, 1)
		log.afterTail = func() { joined <- r.watchFeed(ada, event.Filter{}, "") }
		run(t, r.hub.Run)
		sub := <-joined
		expect(t, sub, event.Snapshot, 0)
		expectEvent(t, sub, e)
	})

	t.Run("OKFeedJoinsWhileTheEventsOfOthersAreRead", func(t *testing.T) {
		t.Parallel()
		r, log, assign := setup(t)
		watched := r.place(ada)
		one := r.watchOrder(ada, watched.OrderID(), "")
		expect(t, one, event.Snapshot, 1)
		assign()
		r2 := r.advance(watched.Order.Head)
		e := r.place(grace)
		assign()
		joined := make(chan *event.Subscription, 1)
		log.afterEventsAt = func() { joined <- r.watchFeed(grace, event.Filter{}, "") }
		run(t, r.hub.Run)
		expectEvent(t, one, r2)
		sub := <-joined
		expect(t, sub, event.Snapshot, 0)
		expectEvent(t, sub, e)
	})
}
