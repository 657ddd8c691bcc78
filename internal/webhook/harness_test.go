package webhook_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event/eventtest"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/webhook"
)

var (
	ada   = auth.Principal{CustomerID: id.ForCustomer("test", "ada"), Role: auth.RoleCustomer}
	staff = auth.Principal{CustomerID: id.ForCustomer("test", "sue"), Role: auth.RoleStaff}
)

// patience is for what must happen; reaching it is the failure.
const patience = eventually.Patience

// maxEndpoints there may be in the tests.
const maxEndpoints = 4

// world is a database with a feed, and a clock that only moves when it is told to.
type world struct {
	t         *testing.T
	db        *postgrestest.DB
	store     *postgres.Webhooks
	service   *webhook.Service
	sequencer *postgres.Sequencer
	clock     *clock
	settled   chan settled
}

// settled is an attempt whose outcome was written down.
type settled struct {
	claimed *webhook.Claimed
	outcome webhook.Outcome
}

func setup(t *testing.T) *world {
	t.Helper()
	db := postgrestest.Open(t)
	w := &world{
		t: t, db: db, store: postgres.NewWebhooks(db.Worker), clock: &clock{now: order.SystemClock()}, settled: make(chan settled, 1000),
		sequencer: postgres.NewSequencer(db.Worker, uuid.NewString(), time.Hour),
	}
	if leads, err := w.sequencer.Acquire(t.Context()); err != nil || !leads {
		t.Fatalf("take: %v, %v", leads, err)
	}
	w.service = webhook.NewService(postgres.NewWebhooks(db.API), postgres.NewLog(db.API), webhook.Destinations{Loopback: true}, maxEndpoints, w.clock.next, func() {})
	return w
}

// place commits an order and gives its event a position.
func (w *world) place() order.Event {
	w.t.Helper()
	e, err := eventtest.Place(w.t.Context(), w.db, ada.CustomerID)
	if err == nil {
		_, err = w.sequencer.Assign(w.t.Context())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// advance commits the order's next version, a PAYMENT_PROCESSING.
func (w *world) advance(of order.Event) order.Event {
	w.t.Helper()
	e, err := eventtest.Advance(w.t.Context(), w.db, of.Order.Head)
	if err == nil {
		_, err = w.sequencer.Assign(w.t.Context())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) newFanout() *webhook.Fanout {
	return webhook.NewFanout(postgres.NewLog(w.db.Worker), w.store, uuid.NewString(), w.clock.Now, func() {}, w.logger())
}

func (w *world) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// fanOut makes the deliveries of all there is in the feed.
func (w *world) fanOut() {
	w.t.Helper()
	f := w.newFanout()
	// A lease of another's fan-out is only a courtesy.
	w.exec(`UPDATE webhook_fanout SET leased_until = '-infinity'`)
	for {
		more, err := f.Step(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if !more {
			return
		}
	}
}

func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	if _, err := w.db.ExecContext(w.t.Context(), statement, args...); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

// endpoint creates one and returns it with its secret.
func (w *world) endpoint(url string, types ...order.EventType) (*webhook.Endpoint, webhook.Secret) {
	w.t.Helper()
	e, secret, err := w.service.Create(w.t.Context(), staff, webhook.Input{URL: url, EventTypes: types})
	if err != nil {
		w.t.Fatal(err)
	}
	return e, secret
}

// deliveries are all there are, newest first.
func (w *world) deliveries() []*webhook.Delivery {
	w.t.Helper()
	result, err := w.service.Deliveries(w.t.Context(), staff, webhook.Filter{}, pagination.Request{Limit: pagination.Max})
	if err != nil {
		w.t.Fatal(err)
	}
	return result.Items
}

// deliver runs a deliverer until the test ends, or stop.
func (w *world) deliver(queue webhook.Queue, change func(*webhook.Config)) (d *webhook.Deliverer, stop func()) {
	cfg := webhook.Config{
		Destinations: webhook.Destinations{Loopback: true}, Clock: w.clock.Now, Logger: w.logger(),
		Observe: func(c *webhook.Claimed, o webhook.Outcome) { w.settled <- settled{c, o} },
	}
	if change != nil {
		change(&cfg)
	}
	d = webhook.NewDeliverer(queue, cfg)
	return d, run(w.t, d.Run)
}

// outcome of the next attempt.
func (w *world) outcome() settled {
	w.t.Helper()
	select {
	case s := <-w.settled:
		return s
	case <-time.After(patience):
		w.t.Fatal("no attempt was settled")
		return settled{}
	}
}

// run runs f until the test ends, and waits for it.
func run(t *testing.T, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// next is a moment later than the last: no two things that people do are of the same.
func (c *clock) next() time.Time {
	c.forward(time.Microsecond)
	return c.Now()
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// request is a request that a receiver got.
type request struct {
	header http.Header
	body   []byte
}

// receiver is a back end that keeps what it gets and answers as it is told.
type receiver struct {
	*httptest.Server
	got chan request
}

// newReceiver answers with what answer says; nil: 204.
func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{got: make(chan request, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, in *http.Request) {
		text, err := io.ReadAll(in.Body)
		if err != nil && !errors.Is(err, io.EOF) {
			return
		}
		r.got <- request{header: in.Header.Clone(), body: text}
		if answer != nil {
			answer(writer, in)
			return
		}
		writer.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

func (r *receiver) next(t *testing.T) request {
	t.Helper()
	select {
	case got := <-r.got:
		return got
	case <-time.After(patience):
		t.Fatal("nothing was received")
		return request{}
	}
}

// answers gives one status after the other, and the last one from then on.
func answers(statuses ...int) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.WriteHeader(statuses[0])
		if len(statuses) > 1 {
			statuses = statuses[1:]
		}
	}
}
