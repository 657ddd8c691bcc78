package event_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/stream"
)

func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	r := start(t, event.Config{QueueLimit: 4})
	slowFeed, witness := r.watchFeed(ada, event.Filter{}, ""), r.watchFeed(staff, event.Filter{}, "")
	expect(t, slowFeed, event.Snapshot, 0)
	expect(t, witness, event.Snapshot, 0)
	head := r.place(ada).Order.Head
	r.sequencer.Wake()
	expect(t, witness, event.Happened, 1)
	slow, sibling := r.watchOrder(ada, head.ID, ""), r.watchOrder(ada, head.ID, "")
	last := expect(t, slow, event.Snapshot, 1)
	expect(t, sibling, event.Snapshot, 1)
	for v := 2; v <= 9; v++ {
		r.publish(r.advance(head))
		expect(t, sibling, event.Happened, v)
		expect(t, witness, event.Happened, v)
	}

	var full *stream.SlowConsumerError
	if _, err := nextOrError(slow); !errors.As(err, &full) || full.Cursor != last.Cursor {
		t.Fatalf("Next of a slow consumer: %v, want SlowConsumerError with the last cursor", err)
	}
	if _, err := nextOrError(slow); !errors.As(err, &full) {
		t.Errorf("Next once more: %v, want SlowConsumerError", err)
	}
	resumed := r.watchOrder(ada, head.ID, full.Cursor)
	for v := 2; v <= 9; v++ {
		expect(t, resumed, event.Happened, v)
	}

	// All of the feed was delivered: the witness has it.
	all := r.watchFeed(ada, event.Filter{}, oldFeedCursor(0))
	for v := 1; v <= 9; v++ {
		expect(t, all, event.Happened, v)
	}
	if _, err := nextOrError(slowFeed); !errors.As(err, &full) {
		t.Fatalf("Next of a slow feed: %v, want SlowConsumerError", err)
	}
	again := r.watchFeed(ada, event.Filter{}, full.Cursor)
	for v := 1; v <= 9; v++ {
		expect(t, again, event.Happened, v)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	r := start(t, event.Config{})
	head := r.place(ada).Order.Head
	one, feed := r.watchOrder(ada, head.ID, ""), r.watchFeed(ada, event.Filter{}, oldFeedCursor(0))
	expect(t, one, event.Snapshot, 1)
	expect(t, feed, event.Happened, 1)
	waiting := make(chan error)
	go func() { _, err := nextOrError(feed); waiting <- err }()
	r.hub.Publish([]order.Event{r.advance(head), r.advance(head)})
	if got := r.hub.Subscribers(); got != 2 {
		t.Errorf("%d subscribers, want 2", got)
	}
	r.hub.Drain()
	r.hub.Drain()
	expect(t, one, event.Happened, 2)
	expect(t, one, event.Happened, 3)
	if _, err := nextOrError(one); !errors.Is(err, stream.ErrDraining) {
		t.Errorf("Next after the queue: %v, want ErrDraining", err)
	}
	if err := <-waiting; err != nil && !errors.Is(err, stream.ErrDraining) {
		t.Errorf("a Next that waits: %v, want ErrDraining", err)
	}
	if _, err := r.hub.WatchOrder(t.Context(), ada, head.ID, ""); !errors.Is(err, stream.ErrDraining) {
		t.Errorf("WatchOrder: %v, want ErrDraining", err)
	}
	if _, err := r.hub.WatchFeed(t.Context(), ada, event.Filter{}, ""); !errors.Is(err, stream.ErrDraining) {
		t.Errorf("WatchFeed: %v, want ErrDraining", err)
	}
	one.Close()
	feed.Close()
	if got := r.hub.Subscribers(); got != 0 {
		t.Errorf("%d subscribers after all have closed", got)
	}
}

// TestRestoredLog: when the log is another one, all its readers are reset.
func TestRestoredLog(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]string{
		"OKNewEpoch":    {`UPDATE event_log SET identity = 2`},
		"OKOtherEvents": {`UPDATE event_log SET mark = mark # 12345`},
		"OKShorter": {
			`ALTER TABLE feed DISABLE TRIGGER feed_append_only`,
			`WITH cut AS (UPDATE event_log SET position = 1) DELETE FROM feed WHERE position = 2`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := postgrestest.URL(t)
			db := postgrestest.Connect(t, url)
			r := &replica{t: t, url: url, db: db, hub: event.NewHub(postgres.NewLog(db.API), event.Config{})}
			sequencer := postgres.NewSequencer(db.Worker, uuid.NewString(), time.Hour)
			if held, err := sequencer.Acquire(t.Context()); err != nil || !held {
				t.Fatal(held, err)
			}
			run(t, r.hub.Run)
			head := r.place(ada).Order.Head
			r.place(ada)
			if _, err := sequencer.Assign(t.Context()); err != nil {
				t.Fatal(err)
			}
			one, feed := r.watchOrder(ada, head.ID, ""), r.watchFeed(ada, event.Filter{}, r.feedAt(1).String())
			expect(t, one, event.Snapshot, 1)
			expect(t, feed, event.Happened, 1)
			r.exec(change...)
			r.hub.Wake()
			expect(t, one, event.Reset, 1)
			u := expect(t, feed, event.Reset, 0)
			extent, err := postgres.NewLog(db.API).Extent(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := feedCursor(t, u); got.Epoch != extent.Epoch || got.Position != extent.Last.Position || got.Mark != extent.Last.Mark {
				t.Errorf("RESET at %+v, the log is at %+v", got, extent)
			}
			e := r.advance(head)
			r.hub.Publish([]order.Event{e})
			expectEvent(t, one, e)
		})
	}
}

// outage is a log whose database does not answer.
type outage struct {
	event.Log
	down atomic.Bool
	hit  chan struct{}
}

var errDown = errors.New("connection refused")

func (o *outage) Events(ctx context.Context, p auth.Principal, orderID id.Order, after, limit int) ([]order.Event, error) {
	if o.down.Load() {
		select {
		case o.hit <- struct{}{}:
		default:
		}
		return nil, errDown
	}
	return o.Log.Events(ctx, p, orderID, after, limit)
}

func (o *outage) Order(ctx context.Context, p auth.Principal, orderID id.Order, has int) (event.OrderState, error) {
	if o.down.Load() {
		return event.OrderState{}, errDown
	}
	return o.Log.Order(ctx, p, orderID, has)
}

func TestOutage(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	db := postgrestest.Connect(t, url)
	log := &outage{Log: postgres.NewLog(db.API), hit: make(chan struct{}, 1)}
	r := &replica{t: t, url: url, db: db, hub: event.NewHub(log, event.Config{})}
	head := r.place(ada).Order.Head
	sub := r.watchOrder(ada, head.ID, "")
	expect(t, sub, event.Snapshot, 1)
	r.advance(head)
	v3 := r.advance(head)
	log.down.Store(true)
	r.hub.Publish([]order.Event{v3}) // version 2 has to be read
	got := make(chan *event.Update, 1)
	go func() {
		u, err := nextOrError(sub)
		if err != nil {
			t.Error(err)
		}
		got <- u
	}()
	<-log.hit
	if _, err := r.hub.WatchOrder(t.Context(), ada, head.ID, ""); fault.CodeOf(err) != fault.Unavailable || !errors.Is(err, errDown) {
		t.Errorf("WatchOrder during an outage: %v, want UNAVAILABLE with its cause", err)
	}
	log.down.Store(false)
	if u := <-got; u == nil || u.Order.Version != 2 {
		t.Fatalf("after the outage: %+v, want version 2", u)
	}
	expect(t, sub, event.Happened, 3)
}

// otherServer is a log whose database server is another one once moved is set.
type otherServer struct {
	event.Log
	moved atomic.Bool
}

func (l *otherServer) FeedTail(ctx context.Context, p auth.Principal, after int64, limit int) (event.FeedTail, error) {
	tail, err := l.Log.FeedTail(ctx, p, after, limit)
	if l.moved.Load() {
		tail.Instance = "another"
	}
	return tail, err
}

// TestOtherServer: an event is published before it has a position, so a failover may lose it. Then a subscription whose
// event is not in the log starts over, and one whose event is there continues.
func TestOtherServer(t *testing.T) {
	t.Parallel()
	r := &replica{t: t, db: postgrestest.Open(t)}
	log := &otherServer{Log: postgres.NewLog(r.db.API)}
	r.hub = event.NewHub(log, event.Config{PollInterval: time.Hour})
	run(t, r.hub.Run)
	kept, lost := r.place(ada), r.place(ada)
	one, other := r.watchOrder(ada, kept.OrderID(), ""), r.watchOrder(ada, lost.OrderID(), "")
	expect(t, one, event.Snapshot, 1)
	expect(t, other, event.Snapshot, 1)
	for _, e := range []order.Event{r.advance(kept.Order.Head), r.advance(lost.Order.Head)} {
		r.hub.Publish([]order.Event{e})
	}
	expect(t, one, event.Happened, 2)
	expect(t, other, event.Happened, 2)
	r.exec(`ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`,
		`DELETE FROM order_events WHERE version = 2 AND order_id = '`+lost.OrderID().String()+`'`,
		`UPDATE orders SET version = 1 WHERE id = '`+lost.OrderID().String()+`'`)
	log.moved.Store(true)
	r.hub.Wake()
	expect(t, other, event.Reset, 1)
	e := r.advance(lost.Order.Head)
	r.hub.Publish([]order.Event{e, r.advance(kept.Order.Head)})
	expectEvent(t, other, e)
	expect(t, one, event.Happened, 3)
}

// TestVersionOfAnotherEvent: when a known version comes again as another event, it belongs to another log.
func TestVersionOfAnotherEvent(t *testing.T) {
	t.Parallel()
	r := &replica{t: t, db: postgrestest.Open(t)}
	r.hub = event.NewHub(postgres.NewLog(r.db.API), event.Config{PollInterval: time.Hour})
	run(t, r.hub.Run)
	head := r.place(ada).Order.Head
	sub := r.watchOrder(ada, head.ID, "")
	expect(t, sub, event.Snapshot, 1)
	e := r.advance(head)
	r.hub.Publish([]order.Event{e, e})
	expectEvent(t, sub, e)
	silent(t, sub)
	e.ID = id.New[id.Event]()
	r.hub.Publish([]order.Event{e})
	expect(t, sub, event.Reset, 2)
}
