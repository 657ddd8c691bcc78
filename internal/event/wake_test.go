package event_test

import (
	"context"
	"testing"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// TestFeedBatchWakesOnce: a batch of the feed wakes each subscriber once, and all share the same items.
func TestFeedBatchWakesOnce(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	log := &grownLog{grown: make(chan struct{})}
	hub := event.NewHub(log, event.Config{})
	subs := make([]*event.Subscription, 3)
	wakes := make(chan int, 100)
	for i := range subs {
		var err error
		if subs[i], err = hub.WatchFeed(ctx, ada, event.Filter{}, ""); err != nil {
			t.Fatal(err)
		}
		subs[i].Notify(waker(func() { wakes <- i }))
		if u, err := subs[i].Poll(ctx); err != nil || u.Kind != event.Snapshot {
			t.Fatalf("%v, %v; want a snapshot", u, err)
		}
	}
	close(log.grown)
	ended := make(chan error)
	go func() { ended <- hub.Run(ctx) }()
	woken := map[int]int{}
	for range subs {
		woken[<-wakes]++
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(wakes) > 0 || len(woken) != len(subs) {
		t.Errorf("woken %v and %d times more, want each once", woken, len(wakes))
	}
	for n := range grownBy {
		var shared *event.Update
		for i, sub := range subs {
			u, err := sub.Poll(t.Context())
			if err != nil || u == nil || u.Order.Version != n+1 {
				t.Fatalf("subscriber %d: %+v, %v; want version %d", i, u, err, n+1)
			}
			if i == 0 {
				shared = u
			}
			if u != shared {
				t.Errorf("subscriber %d has an item of its own", i)
			}
			if more := n+1 < grownBy; sub.Buffered() != more {
				t.Errorf("subscriber %d: waiting %v after version %d of %d", i, !more, n+1, grownBy)
			}
		}
	}
}

type waker func()

func (w waker) Wake() { w() }

const grownBy = 3

// grownLog grows once, by some versions of one order.
type grownLog struct {
	fixedLog
	grown chan struct{}
	head  order.Head
}

func (l *grownLog) FeedTail(_ context.Context, _ auth.Principal, after int64, _ int) (event.FeedTail, error) {
	tail := event.FeedTail{Epoch: 1}
	select {
	case <-l.grown:
	default:
		return tail, nil
	}
	if l.head.ID.IsNil() {
		l.head = order.Head{ID: id.New[id.Order](), CustomerID: ada.CustomerID}
	}
	for tail.Last.Position < grownBy {
		tail.Last.Position++
		if tail.Last.Position > after {
			key := event.Key{OrderID: l.head.ID, Version: int(tail.Last.Position)}
			tail.Rows = append(tail.Rows, event.FeedRow{Place: tail.Last, Key: key, CustomerID: l.head.CustomerID})
		}
	}
	return tail, nil
}

func (l *grownLog) EventsAt(_ context.Context, _ auth.Principal, keys []event.Key) (map[event.Key]*order.Event, error) {
	events := map[event.Key]*order.Event{}
	for _, key := range keys {
		o := &order.Order{Head: &l.head, State: order.State{Status: order.Created, Version: key.Version}}
		events[key] = &order.Event{Version: key.Version, Type: order.OrderCreated, Actor: order.Actor{Kind: order.ActorCustomer}, Order: o}
	}
	return events, nil
}
