package natsrelay_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/event/eventtest"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/natsrelay"
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

// startNATS runs a real NATS on a port, -1 for a free one.
func startNATS(t testing.TB, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS does not start")
	}
	return s
}

// counting is a log that counts the reads of events and of the feed.
type counting struct {
	*postgres.Log
	reads atomic.Int64
}

func (l *counting) Events(ctx context.Context, p auth.Principal, orderID id.Order, after, limit int) ([]order.Event, error) {
	l.reads.Add(1)
	return l.Log.Events(ctx, p, orderID, after, limit)
}

func (l *counting) FeedPage(ctx context.Context, p auth.Principal, scope event.Scope, after int64, limit int) (event.FeedPage, error) {
	l.reads.Add(1)
	return l.Log.FeedPage(ctx, p, scope, after, limit)
}

func (l *counting) FeedTail(ctx context.Context, p auth.Principal, after int64, limit int) (event.FeedTail, error) {
	l.reads.Add(1)
	return l.Log.FeedTail(ctx, p, after, limit)
}

func (l *counting) EventsAt(ctx context.Context, p auth.Principal, keys []event.Key) (map[event.Key]*order.Event, error) {
	l.reads.Add(1)
	return l.Log.EventsAt(ctx, p, keys)
}

// replica is a process with its connection to NATS.
type replica struct {
	t         testing.TB
	db        *postgrestest.DB
	log       *counting
	hub       *event.Hub
	relay     *natsrelay.Relay
	sequencer *event.Sequencer // nil: never elected
}

// join runs a replica. Its hub polls the log every poll.
func join(t testing.TB, databaseURL, natsURL, name string, elected bool, poll time.Duration) *replica {
	t.Helper()
	r := &replica{t: t, db: postgrestest.Connect(t, databaseURL)}
	r.log = &counting{Log: postgres.NewLog(r.db.API)}
	var err error
	r.relay, err = natsrelay.Connect(natsrelay.Config{
		URL: natsURL, Name: name, Deployment: "test", Logger: slog.New(slog.DiscardHandler),
		Leads: func() bool { return r.sequencer != nil && r.sequencer.Leading() },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.relay.Close)
	r.hub = event.NewHub(r.log, event.Config{PollInterval: poll, Relay: r.relay})
	if elected {
		ledger := postgres.NewSequencer(r.db.Worker, name, event.Lease)
		r.sequencer = event.NewSequencer(ledger, r.hub.Grew, slog.New(slog.DiscardHandler))
		run(t, r.sequencer.Run)
		r.await("the lease", r.sequencer.Leading)
	}
	run(t, r.hub.Run)
	run(t, func(ctx context.Context) error { return r.relay.Run(ctx, r.hub) })
	return r
}

// listen makes the replica receive NOTIFY.
func (r *replica) listen(databaseURL string) {
	r.t.Helper()
	listener, err := postgres.NewListener(databaseURL, nil, map[string]func(string){
		postgres.FeedChannel: func(payload string) { r.relay.Notified(r.hub, payload) },
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		r.t.Fatal(err)
	}
	run(r.t, listener.Run)
}

func run(t testing.TB, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (r *replica) await(what string, condition func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			r.t.Fatalf("waited too long for %s", what)
		}
	}
}

// commit writes an event, and publishes it as the server does after a commit.
func (r *replica) commit(write func(context.Context, sqlx.ExtContext) (order.Event, error)) order.Event {
	r.t.Helper()
	tx := r.db.MustBegin()
	e, err := write(context.Background(), tx)
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.hub.Publish([]order.Event{e})
	r.relay.Publish([]order.Event{e})
	if r.sequencer != nil {
		r.sequencer.Wake()
	}
	return e
}

func (r *replica) place(p auth.Principal) order.Event {
	r.t.Helper()
	return r.commit(func(ctx context.Context, db sqlx.ExtContext) (order.Event, error) {
		return eventtest.Place(ctx, db, p.CustomerID)
	})
}

func (r *replica) advance(head *order.Head) order.Event {
	r.t.Helper()
	return r.commit(func(ctx context.Context, db sqlx.ExtContext) (order.Event, error) {
		return eventtest.Advance(ctx, db, head)
	})
}

func (r *replica) watchOrder(p auth.Principal, orderID id.Order) *event.Subscription {
	r.t.Helper()
	sub, err := r.hub.WatchOrder(context.Background(), p, orderID, "")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(sub.Close)
	return sub
}

func (r *replica) watchFeed(p auth.Principal) *event.Subscription {
	r.t.Helper()
	sub, err := r.hub.WatchFeed(context.Background(), p, event.Filter{}, "")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(sub.Close)
	return sub
}

// expect fails unless the next item has the kind and, for an event, is this one.
func expect(t testing.TB, sub *event.Subscription, kind event.Kind, e *order.Event) *event.Update {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	u, err := streamtest.Next(ctx, sub)
	if err != nil {
		t.Fatal(err)
	}
	if u.Kind != kind || (e != nil && u.Event.ID != e.ID) {
		t.Fatalf("%s of %+v, want %s of %+v", u.Kind, u.Event, kind, e)
	}
	return u
}

// connection is a replica's connection as NATS reports it.
func connection(t testing.TB, s *server.Server, name string) *server.ConnInfo {
	t.Helper()
	all, err := s.Connz(&server.ConnzOptions{Subscriptions: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all.Conns {
		if c.Name == name {
			return c
		}
	}
	return &server.ConnInfo{}
}

// subscribed waits until NATS has n subscriptions of the replica.
func (r *replica) subscribed(s *server.Server, name string, n int) {
	r.t.Helper()
	r.await("subscriptions at NATS", func() bool { return int(connection(r.t, s, name).NumSubs) == n })
}
