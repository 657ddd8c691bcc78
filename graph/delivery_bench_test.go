package graph_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// BenchmarkDelivery is one event from its commit to the responses of all subscribers of its order, without transports.
func BenchmarkDelivery(b *testing.B) {
	for _, subscribers := range []int{1, 100} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			d := newDelivery(b)
			streams := make([]stream.Stream, subscribers)
			for i := range streams {
				streams[i] = d.open()
				defer streams[i].Close()
				d.next(streams[i])
			}
			version := d.order.Version
			b.ReportAllocs()
			for b.Loop() {
				version++
				state := d.order.State
				state.Version = version
				o := &order.Order{Head: d.order.Head, State: state}
				d.hub.Publish([]order.Event{{
					ID: id.New[id.Event](), Type: order.PaymentConfirmed, Actor: order.Actor{Kind: order.ActorProvider}, Version: version, At: state.UpdatedAt, Order: o,
				}})
				for _, s := range streams {
					d.next(s)
				}
			}
		})
	}
}

// BenchmarkIdleSubscription measures the heap that an open subscription keeps, without its transport.
func BenchmarkIdleSubscription(b *testing.B) {
	d := newDelivery(b)
	d.next(d.open())
	before := liveHeap()
	streams := make([]stream.Stream, 0, 1<<16)
	for b.Loop() {
		s := d.open()
		d.next(s)
		streams = append(streams, s)
	}
	b.ReportMetric(float64(liveHeap()-before)/float64(len(streams)), "heap-B/op")
	runtime.KeepAlive(streams)
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC() // the second one also frees the contents of pools
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// delivery is a hub over a log with one order, and the schema over it.
type delivery struct {
	b     *testing.B
	order *order.Order
	hub   *event.Hub
	exec  graphql.GraphExecutor
}

func newDelivery(b *testing.B) *delivery {
	now := order.SystemClock()
	d := &delivery{b: b, order: &order.Order{
		Head:  &order.Head{ID: id.New[id.Order](), CustomerID: ada.CustomerID, Number: "OW-1", Total: money.Amount{Minor: 2500, Currency: "EUR"}, CreatedAt: now},
		State: order.State{Status: order.Created, Version: 1, UpdatedAt: now},
	}}
	d.hub = event.NewHub(oneOrder{d.order}, event.Config{})
	transport := &executorOf{}
	graph.NewHandler(&graph.Resolver{Hub: d.hub}, graph.Settings{
		Logger: slog.New(slog.DiscardHandler), Transports: []graphql.Transport{transport}, DocumentCacheBytes: 1 << 20, AnswerBytes: 1 << 20,
	}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/graphql", nil))
	d.exec = transport.exec
	return d
}

const delivered = `subscription($id: ID!) { orderEvents(orderId: $id) { kind cursor event { id type version occurredAt }
	order { id number version status total { amount currency } captured { amount } createdAt updatedAt } } }`

func (d *delivery) open() stream.Stream {
	ctx := graphql.StartOperationTrace(auth.NewContext(d.b.Context(), ada))
	operation, errs := d.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: delivered, Variables: vars{"id": d.order.ID.TypeID()}})
	if errs != nil {
		d.b.Fatal(errs)
	}
	opened, refused := stream.Subscribe(ctx, d.exec, operation)
	if refused != nil {
		d.b.Fatal(refused.Errors)
	}
	return opened
}

func (d *delivery) next(s stream.Stream) {
	item, ok, err := s.Next(auth.NewContext(d.b.Context(), ada))
	if err != nil || !ok || len(item.Response.Errors) > 0 || len(item.Response.Data) < 100 {
		d.b.Fatalf("%+v, %v, %v", item, ok, err)
	}
}

// oneOrder is a log that has nothing to read but the order as it is.
type oneOrder struct{ order *order.Order }

func (oneOrder) Extent(context.Context, int64) (event.Extent, error) {
	return event.Extent{Epoch: 1, First: 1}, nil
}

func (l oneOrder) Order(context.Context, auth.Principal, id.Order, int) (event.OrderState, error) {
	return event.OrderState{Order: l.order}, nil
}

func (oneOrder) Events(context.Context, auth.Principal, id.Order, int, int) ([]order.Event, error) {
	return nil, nil
}

func (oneOrder) FeedPage(context.Context, auth.Principal, event.Scope, int64, int) (event.FeedPage, error) {
	return event.FeedPage{}, nil
}

func (oneOrder) FeedTail(context.Context, auth.Principal, int64, int) (event.FeedTail, error) {
	return event.FeedTail{}, nil
}

func (oneOrder) EventsAt(context.Context, auth.Principal, []event.Key) (map[event.Key]*order.Event, error) {
	return map[event.Key]*order.Event{}, nil
}
