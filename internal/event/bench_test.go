package event_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

func BenchmarkOrderCursor(b *testing.B) {
	cursor := event.OrderCursor{Epoch: 1, OrderID: id.New[id.Order](), Version: 4, Mark: 1}
	text := cursor.String()
	b.Run("String", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = cursor.String()
		}
	})
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := event.ParseOrder(text, cursor.OrderID); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFeedCursor(b *testing.B) {
	cursor := event.FeedCursor{Epoch: 1, Position: 10_000_000, Mark: 1}
	text := cursor.String()
	b.Run("String", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = cursor.String()
		}
	})
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := event.ParseFeed(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkHub measures an event from its commit to all subscribers of its order, without transports.
func BenchmarkHub(b *testing.B) {
	for _, subscribers := range []int{1, 100} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			o := &order.Order{
				Head:  &order.Head{ID: id.New[id.Order](), CustomerID: ada.CustomerID},
				State: order.State{Status: order.Created, Version: 1, Payments: make([]payment.Payment, 1)},
			}
			hub := event.NewHub(fixedLog{o}, event.Config{})
			subs := make([]*event.Subscription, subscribers)
			for i := range subs {
				var err error
				if subs[i], err = hub.WatchOrder(b.Context(), ada, o.ID, ""); err != nil {
					b.Fatal(err)
				}
				defer subs[i].Close()
				poll(b, subs[i])
			}
			version := o.Version
			b.ReportAllocs()
			for b.Loop() {
				version++
				state := o.State
				state.Version = version
				hub.Publish([]order.Event{{Version: version, Order: &order.Order{Head: o.Head, State: state}}})
				for _, sub := range subs {
					poll(b, sub)
				}
			}
		})
	}
}

func poll(b *testing.B, sub *event.Subscription) {
	if u, err := sub.Poll(b.Context()); err != nil || u == nil {
		b.Fatalf("%v, %v", u, err)
	}
}

// fixedLog has one order and nothing to read, so that only the hub is measured.
type fixedLog struct{ order *order.Order }

func (fixedLog) Extent(context.Context, int64) (event.Extent, error) {
	return event.Extent{Epoch: 1, First: 1}, nil
}

func (l fixedLog) Order(context.Context, auth.Principal, id.Order, int) (event.OrderState, error) {
	return event.OrderState{Order: l.order}, nil
}

func (fixedLog) Events(context.Context, auth.Principal, id.Order, int, int) ([]order.Event, error) {
	return nil, nil
}

func (fixedLog) FeedPage(context.Context, auth.Principal, event.Scope, int64, int) (event.FeedPage, error) {
	return event.FeedPage{}, nil
}

func (fixedLog) FeedTail(context.Context, auth.Principal, int64, int) (event.FeedTail, error) {
	return event.FeedTail{}, nil
}

func (fixedLog) EventsAt(context.Context, auth.Principal, []event.Key) (map[event.Key]*order.Event, error) {
	return map[event.Key]*order.Event{}, nil
}
