package event_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/event/eventtest"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

var (
	ada   = auth.Principal{CustomerID: id.ForCustomer("test", "ada"), Role: auth.RoleCustomer}
	grace = auth.Principal{CustomerID: id.ForCustomer("test", "grace"), Role: auth.RoleCustomer}
	staff = auth.Principal{CustomerID: id.ForCustomer("test", "staff"), Role: auth.RoleStaff}
)

// patience bounds every wait; a test that reaches it has failed.
const patience = eventually.Patience

// replica is one process: a hub and a sequencer on a database.
type replica struct {
	t         testing.TB
	url       string
	db        *postgrestest.DB
	hub       *event.Hub
	sequencer *event.Sequencer
}

// start runs a replica on a fresh database.
func start(t testing.TB, cfg event.Config) *replica {
	t.Helper()
	return join(t, postgrestest.URL(t), cfg)
}

// join runs a replica on a database.
func join(t testing.TB, url string, cfg event.Config) *replica {
	t.Helper()
	db := postgrestest.Connect(t, url)
	hub := event.NewHub(postgres.NewLog(db.API), cfg)
	sequencer := event.NewSequencer(postgres.NewSequencer(db.Worker, uuid.NewString(), event.Lease), hub.Grew, slog.New(slog.DiscardHandler))
	run(t, hub.Run)
	run(t, sequencer.Run)
	return &replica{t: t, url: url, db: db, hub: hub, sequencer: sequencer}
}

// run runs f until the test ends, and waits for it.
func run(t testing.TB, f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// place commits a new order without a notification.
func (r *replica) place(p auth.Principal) order.Event {
	r.t.Helper()
	return r.commit(func(tx *sqlx.Tx) (order.Event, error) { return eventtest.Place(context.Background(), tx, p.CustomerID) })
}

// advance commits the next version of an order without a notification.
func (r *replica) advance(head *order.Head) order.Event {
	r.t.Helper()
	return r.commit(func(tx *sqlx.Tx) (order.Event, error) { return eventtest.Advance(context.Background(), tx, head) })
}

func (r *replica) commit(write func(*sqlx.Tx) (order.Event, error)) (e order.Event) {
	r.t.Helper()
	tx, err := r.db.Beginx()
	if err != nil {
		r.t.Error(err)
		return e
	}
	if e, err = write(tx); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		r.t.Error(err)
	}
	return e
}

// publish delivers a commit to the hub, as the store does.
func (r *replica) publish(events ...order.Event) {
	r.hub.Publish(events)
	r.sequencer.Wake()
}

func (r *replica) exec(statements ...string) {
	r.t.Helper()
	for _, s := range statements {
		if _, err := r.db.Exec(s); err != nil {
			r.t.Fatalf("%s: %v", s, err)
		}
	}
}

func (r *replica) watchOrder(p auth.Principal, orderID id.Order, after string) *event.Subscription {
	r.t.Helper()
	sub, err := r.hub.WatchOrder(context.Background(), p, orderID, after)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(sub.Close)
	return sub
}

func (r *replica) watchFeed(p auth.Principal, filter event.Filter, after string) *event.Subscription {
	r.t.Helper()
	sub, err := r.hub.WatchFeed(context.Background(), p, filter, after)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(sub.Close)
	return sub
}

// feedAt returns the feed's cursor at a position, orderAt an order's cursor at a version, as subscribers get them.
func (r *replica) feedAt(position int64) event.FeedCursor {
	r.t.Helper()
	extent, err := postgres.NewLog(r.db.API).Extent(context.Background(), position)
	if err != nil {
		r.t.Fatal(err)
	}
	return event.FeedCursor{Epoch: extent.Epoch, Position: position, Mark: extent.At}
}

func (r *replica) orderAt(orderID id.Order, version int) event.OrderCursor {
	r.t.Helper()
	o, err := postgres.NewLog(r.db.API).Order(context.Background(), staff, orderID, version)
	if err != nil {
		r.t.Fatal(err)
	}
	return event.OrderCursor{Epoch: r.feedAt(0).Epoch, OrderID: orderID, Version: version, Mark: o.Has}
}

// oldFeedCursor and oldOrderCursor return cursors in the old format, of epoch 1.
func oldFeedCursor(position int64) string {
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint([]byte{2, 1}, uint64(position)))
}

func oldOrderCursor(orderID id.Order, version int) string {
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint(append([]byte{1, 1}, orderID[:]...), uint64(version)))
}

// next waits for the next item.
func next(t testing.TB, sub *event.Subscription) *event.Update {
	t.Helper()
	u, err := nextOrError(sub)
	if err != nil {
		t.Fatalf("Next: %v", err)
	}
	return u
}

func nextOrError(sub *event.Subscription) (*event.Update, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return streamtest.Next(ctx, sub)
}

// expect fails unless the next item has the kind and, for an order's, the version.
func expect(t testing.TB, sub *event.Subscription, kind event.Kind, version int) *event.Update {
	t.Helper()
	u := next(t, sub)
	if u.Kind != kind {
		t.Fatalf("%s, want %s", u.Kind, kind)
	}
	if (u.Event != nil) != (kind == event.Happened) {
		t.Fatalf("%s with event %v", u.Kind, u.Event)
	}
	if version != 0 && (u.Order == nil || u.Order.Version != version) {
		t.Fatalf("%s of %+v, want version %d", u.Kind, u.Order, version)
	}
	if version == 0 && u.Order != nil {
		t.Fatalf("%s with an order, want none", u.Kind)
	}
	return u
}

// silent fails if there is an item. It does not wait.
func silent(t testing.TB, sub *event.Subscription) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond) // enough for an item in memory
	defer cancel()
	if u, err := streamtest.Next(ctx, sub); err == nil {
		t.Fatalf("unexpected %s", u.Kind)
	}
}
