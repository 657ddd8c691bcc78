package webhook_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/event/eventtest"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/webhook"
)

// An endpoint gets the types it wants, from its creation on, each event once.
func TestFanout(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.place() // nobody wants it
	all, _ := w.endpoint("http://127.0.0.1:1/all")
	created := w.place()
	early := w.advance(created) // before the second one is made, and of its type
	some, _ := w.endpoint("http://127.0.0.1:1/some", order.PaymentProcessing)
	before := w.place()
	processing := w.advance(before)
	w.fanOut()
	w.fanOut()
	got := map[id.Endpoint]map[id.Event]int{all.ID: {}, some.ID: {}}
	for _, d := range w.deliveries() {
		got[d.Endpoint.ID][d.EventID]++
	}
	if a := got[all.ID]; len(a) != 4 || a[created.ID] != 1 || a[early.ID] != 1 || a[before.ID] != 1 || a[processing.ID] != 1 {
		t.Errorf("the one that wants all got %v", a)
	}
	if s := got[some.ID]; len(s) != 1 || s[processing.ID] != 1 {
		t.Errorf("the one that wants some got %v, want only %s", s, processing.ID)
	}
}

// Without endpoints the feed is not read; one that is made much later begins there and not at what was before.
func TestFanoutWithoutEndpoints(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for range 5 {
		w.place()
	}
	f := webhook.NewFanout(unread{t}, w.store, "test", w.clock.Now, func() {}, w.logger())
	if more, err := f.Step(t.Context()); more || err != nil {
		t.Errorf("%v, %v", more, err)
	}
	w.endpoint("http://127.0.0.1:1")
	w.fanOut()
	if got := w.deliveries(); len(got) != 0 {
		t.Errorf("%d deliveries of what was before", len(got))
	}
	w.place()
	w.fanOut()
	if got := w.deliveries(); len(got) != 1 {
		t.Errorf("%d deliveries, want 1", len(got))
	}
}

// unread is a feed that must not be read.
type unread struct{ t *testing.T }

func (u unread) FeedPage(context.Context, auth.Principal, event.Scope, int64, int) (event.FeedPage, error) {
	u.t.Error("the feed was read, and nobody wants it")
	return event.FeedPage{}, nil
}

// An endpoint that is made while a page is read, before one of its events, gets that event.
func TestFanoutWhileEndpointIsMade(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.endpoint("http://127.0.0.1:1/first")
	var late *webhook.Endpoint
	feed := interrupted{Log: postgres.NewLog(w.db.Worker), before: func() {
		late, _ = w.endpoint("http://127.0.0.1:1/late")
		w.place()
	}}
	if _, err := webhook.NewFanout(feed, w.store, "test", w.clock.Now, func() {}, w.logger()).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.deliveries(); len(got) != 2 || (got[0].Endpoint.ID != late.ID && got[1].Endpoint.ID != late.ID) {
		t.Errorf("%d deliveries, want one for each endpoint", len(got))
	}
}

// interrupted is a log where something happens right before a page is read.
type interrupted struct {
	*postgres.Log
	before func()
}

func (i interrupted) FeedPage(ctx context.Context, p auth.Principal, scope event.Scope, after int64, limit int) (event.FeedPage, error) {
	i.before()
	return i.Log.FeedPage(ctx, p, scope, after, limit)
}

// Two that read the same page add its deliveries once; a statement that runs twice, or comes late, does nothing.
func TestFanoutOnlyFromWhereItStands(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e, _ := w.endpoint("http://127.0.0.1:1")
	placed := w.place()
	state, err := w.store.FanoutState(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch := func() webhook.Batch {
		return webhook.Batch{Holder: "test", From: state.Position, To: state.Position + 1, Deliveries: []webhook.NewDelivery{{
			ID: id.New[id.Delivery](), EndpointID: e.ID, EventID: placed.ID, EventType: placed.Type, Body: []byte("{}"), CreatedAt: w.clock.Now(),
		}}}
	}
	for i, want := range []bool{true, false, false} {
		if moved, err := w.store.AddDeliveries(t.Context(), batch()); err != nil || moved != want {
			t.Errorf("call %d: moved %v, %v", i, moved, err)
		}
	}
	w.exec(`UPDATE webhook_fanout SET position = 0`) // by hand, or from a backup
	w.fanOut()
	if got := w.deliveries(); len(got) != 1 {
		t.Errorf("%d deliveries of one event to one endpoint", len(got))
	}
}

// Another replica leaves the reading to the one that does it, until that one has stopped.
func TestFanoutLease(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.endpoint("http://127.0.0.1:1")
	w.place()
	one, two := w.newFanout(), w.newFanout()
	step := func(f *webhook.Fanout) {
		t.Helper()
		if _, err := f.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	step(one)
	w.exec(`UPDATE webhook_fanout SET leased_until = clock_timestamp() + interval '1 hour'`)
	w.place()
	step(two)
	if got := w.deliveries(); len(got) != 1 {
		t.Errorf("the other one continued: %d deliveries", len(got))
	}
	w.exec(`UPDATE webhook_fanout SET leased_until = clock_timestamp() - interval '1 second'`)
	step(two)
	step(one) // was only slow
	if got := w.deliveries(); len(got) != 2 {
		t.Errorf("%d deliveries, want 2", len(got))
	}
}

// Events that left the log before they were fanned out are reported, once, and what follows is delivered.
func TestFanoutAfterRetention(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.endpoint("http://127.0.0.1:1")
	feed := &shortened{Log: postgres.NewLog(w.db.Worker), first: 3}
	for range 3 {
		w.place()
	}
	f := webhook.NewFanout(feed, w.store, "test", w.clock.Now, func() {}, w.logger())
	if _, err := f.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.deliveries(); len(got) != 1 {
		t.Errorf("%d deliveries, want that of the one event that was left", len(got))
	}
	// All have left: the position still moves on; otherwise the loss would be reported for ever.
	w.place()
	feed.first = 5
	for range 2 {
		if _, err := f.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if state, err := w.store.FanoutState(t.Context()); err != nil || state.Position != 4 {
		t.Errorf("%+v, %v", state, err)
	}
}

// shortened is a log that lacks the positions before first.
type shortened struct {
	*postgres.Log
	first int64
}

func (s *shortened) FeedPage(ctx context.Context, p auth.Principal, scope event.Scope, after int64, limit int) (event.FeedPage, error) {
	page, err := s.Log.FeedPage(ctx, p, scope, max(after, s.first-1), limit)
	page.First = max(page.First, s.first)
	return page, err
}

// Orders are placed at the same time, two replicas fan out, two deliver, and endpoints are made and disabled meanwhile:
// every event becomes one delivery, and each is received.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 15
	w := setup(t)
	r := newReceiver(t, nil)
	e, _ := w.endpoint(r.URL)
	other, _ := w.endpoint(r.URL + "/other")
	var background sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer func() { stop(); background.Wait() }()
	for range 2 {
		d, _ := w.deliver(w.store, nil)
		f := webhook.NewFanout(postgres.NewLog(w.db.Worker), w.store, uuid.NewString(), w.clock.Now, d.Wake, w.logger())
		run(t, f.Run)
		background.Go(func() {
			for ctx.Err() == nil {
				// Without the lease's courtesy, so that they race.
				_, _ = w.db.ExecContext(ctx, `UPDATE webhook_fanout SET leased_until = '-infinity'`)
				f.Wake()
				_, _ = f.Step(ctx)
			}
		})
	}
	var written sync.WaitGroup
	var mu sync.Mutex
	want := map[id.Event]bool{}
	for range writers {
		written.Go(func() {
			for range each {
				placed, err := eventtest.Place(ctx, w.db, ada.CustomerID)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				want[placed.ID] = true
				_, err = w.sequencer.Assign(ctx)
				mu.Unlock()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 6 {
		on := i%2 == 1
		if _, err := w.service.Update(ctx, staff, other.ID, webhook.Change{Enabled: &on}); err != nil {
			t.Error(err)
		}
	}
	written.Wait()
	received := map[id.Event]bool{}
	for deadline := time.Now().Add(patience); len(received) < writers*each; {
		if time.Now().After(deadline) {
			t.Fatalf("received %d of %d", len(received), writers*each)
		}
		if s := w.outcome(); s.claimed.EndpointID == e.ID && s.outcome.Status == webhook.Delivered {
			if !want[s.claimed.EventID] || received[s.claimed.EventID] {
				t.Errorf("event %s: known %v, received before %v", s.claimed.EventID, want[s.claimed.EventID], received[s.claimed.EventID])
			}
			received[s.claimed.EventID] = true
		}
	}
	var rows, events int
	if err := w.db.QueryRowContext(t.Context(), `SELECT count(*), count(DISTINCT event_id) FROM webhook_deliveries WHERE endpoint_id = $1`, e.ID).
		Scan(&rows, &events); err != nil || rows != writers*each || events != rows {
		t.Errorf("%d rows of %d events, %v", rows, events, err)
	}
}

// What was read of a log that was replaced before it became deliveries adds nothing: the events at its positions are others.
func TestFanoutOfReplacedLog(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e, _ := w.endpoint("http://127.0.0.1:1")
	placed := w.place()
	state, err := w.store.FanoutState(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page, err := postgres.NewLog(w.db.Worker).FeedPage(t.Context(), auth.System, event.Everybody, state.Position, 10)
	if err != nil || len(page.Items) != 1 || page.Through.Mark == 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	batch := webhook.Batch{Holder: "test", From: state.Position, To: page.Through.Position, Deliveries: []webhook.NewDelivery{{
		ID: id.New[id.Delivery](), EndpointID: e.ID, EventID: placed.ID, EventType: placed.Type, Body: []byte("{}"), CreatedAt: w.clock.Now(),
	}}}
	batch.Mark = page.Through.Mark + 1
	if moved, err := w.store.AddDeliveries(t.Context(), batch); err != nil || moved {
		t.Errorf("another log's mark: moved %v, %v", moved, err)
	}
	if got := w.deliveries(); len(got) != 0 {
		t.Errorf("%d deliveries of another log's events", len(got))
	}
	batch.Mark = page.Through.Mark
	if moved, err := w.store.AddDeliveries(t.Context(), batch); err != nil || !moved {
		t.Errorf("moved %v, %v", moved, err)
	}
}

// TestFanoutNewerEvent: an event that a later version has written waits for a replica of that version, and so does what comes after it;
// what is before it is delivered.
func TestFanoutNewerEvent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.endpoint("http://127.0.0.1:1")
	before := w.place()
	frozen := w.place()
	w.place()
	w.exec(`ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`)
	w.exec(`UPDATE order_events SET type = 'ORDER_FROZEN' WHERE id = $1`, frozen.ID)
	for range 2 {
		w.fanOut()
		if got := w.deliveries(); len(got) != 1 || got[0].EventID != before.ID {
			t.Fatalf("%d deliveries, want that of the event before", len(got))
		}
	}
	w.exec(`UPDATE order_events SET type = 'ORDER_CREATED' WHERE id = $1`, frozen.ID) // as a replica that knows it sees it
	w.fanOut()
	if got := w.deliveries(); len(got) != 3 {
		t.Errorf("%d deliveries, want 3", len(got))
	}
}
