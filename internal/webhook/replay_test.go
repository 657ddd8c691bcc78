package webhook_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/webhook"
)

func (w *world) newReplayer(replays webhook.Replays) *webhook.Replayer {
	return webhook.NewReplayer(postgres.NewLog(w.db.Worker), replays, w.clock.Now, func() {}, w.logger())
}

// replayed adds all that replays may add now.
func (w *world) replayed(r *webhook.Replayer) {
	w.t.Helper()
	for {
		moved, err := r.Step(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if !moved {
			return
		}
	}
}

func (w *world) replay(endpointID id.Endpoint, of webhook.Range) *webhook.Replay {
	w.t.Helper()
	e, err := w.service.Replay(w.t.Context(), staff, endpointID, of)
	if err != nil {
		w.t.Fatal(err)
	}
	return e.Replay
}

// cursor is the feed's at a position.
func (w *world) cursor(position int64) *event.FeedCursor {
	w.t.Helper()
	extent, err := postgres.NewLog(w.db.Worker).Extent(w.t.Context(), position)
	if err != nil {
		w.t.Fatal(err)
	}
	return &event.FeedCursor{Epoch: extent.Epoch, Position: position, Mark: extent.At}
}

// Past events are sent once more in the feed's order, with the ids and bodies that they had, also those of before the endpoint.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	before := w.place()
	r := newReceiver(t, nil)
	e, secret := w.endpoint(r.URL, order.OrderCreated)
	events := []order.Event{before, w.place()}
	w.advance(before) // of a type that it does not get
	events = append(events, w.place())
	w.fanOut()
	d, _ := w.deliver(w.store, func(cfg *webhook.Config) { cfg.PerEndpoint = 1 })
	bodies := map[string]string{}
	for range 2 {
		got := r.next(t)
		bodies[got.header.Get("Webhook-Id")] = string(got.body)
		w.outcome()
	}
	w.clock.forward(time.Minute) // events are of the machine's clock
	began := before.At.Add(-time.Second)
	replay := w.replay(e.ID, webhook.Range{From: &began})
	if replay.Total() != 4 || replay.Done() != 0 || replay.FinishedAt != nil {
		t.Fatalf("asked for %+v", replay)
	}
	t.Run("OKAgain", func(t *testing.T) {
		if again := w.replay(e.ID, webhook.Range{From: &began}); again.ID != replay.ID {
			t.Errorf("%+v, then %+v", replay, again)
		}
	})
	t.Run("ErrInProgress", func(t *testing.T) {
		_, err := w.service.Replay(t.Context(), staff, e.ID, webhook.Range{From: &before.At})
		refused(t, err, "REPLAY_IN_PROGRESS", "input.endpointId")
	})
	w.replayed(w.newReplayer(w.store))
	w.clock.forward(time.Second)
	d.Wake()
	for _, want := range events {
		got := r.next(t)
		key := got.header.Get("Webhook-Id")
		if key != want.ID.TypeID() {
			t.Errorf("got %s, want %s", key, want.ID.TypeID())
		}
		if was, known := bodies[key]; known && was != string(got.body) {
			t.Errorf("the body was %s, now %s", was, got.body)
		}
		if err := verify(t, secret, got); err != nil {
			t.Error(err)
		}
		w.outcome()
	}
	if got := w.found(e.ID).Replay; got.Total() != 4 || got.Done() != 4 || got.Queued != 3 || got.Missed != 0 || got.FinishedAt == nil {
		t.Errorf("in the end %+v", got)
	}
	if got := w.deliveries(); len(got) != 3 {
		t.Errorf("%d deliveries, want one for each event", len(got))
	}
	if again := w.replay(e.ID, webhook.Range{From: &began}); again.ID == replay.ID {
		t.Error("a finished replay does not begin again")
	}
}

// A range has its first moment and not its last, and cursors bound it as a subscription would.
func TestReplayRange(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e, _ := w.endpoint("http://127.0.0.1:9")
	var events []order.Event
	for range 5 {
		events = append(events, w.place())
	}
	w.clock.forward(time.Minute) // events are of the machine's clock
	for name, c := range map[string]struct {
		of   webhook.Range
		want []order.Event
	}{
		"Times":       {webhook.Range{From: &events[1].At, To: &events[3].At}, events[1:3]},
		"FromOnly":    {webhook.Range{From: &events[3].At}, events[3:]},
		"Cursors":     {webhook.Range{After: w.cursor(1), Through: w.cursor(3)}, events[1:3]},
		"AfterOnly":   {webhook.Range{After: w.cursor(3)}, events[3:]},
		"SameCursors": {webhook.Range{After: w.cursor(3), Through: w.cursor(3)}, nil},
	} {
		w.replay(e.ID, c.of)
		w.replayed(w.newReplayer(w.store))
		got := map[id.Event]bool{}
		for _, d := range w.deliveries() {
			got[d.EventID] = true
		}
		for _, want := range c.want {
			if !got[want.ID] {
				t.Errorf("%s: event %d is missing", name, want.Order.Version)
			}
		}
		if len(got) != len(c.want) || w.found(e.ID).Replay.FinishedAt == nil {
			t.Errorf("%s: %d deliveries, want %d; %+v", name, len(got), len(c.want), w.found(e.ID).Replay)
		}
		w.exec(`DELETE FROM webhook_deliveries`)
	}
}

// lossy loses the answer of every second batch that it has written.
type lossy struct {
	*postgres.Webhooks
	batches int
}

func (l *lossy) AddReplayed(ctx context.Context, batch webhook.ReplayBatch) (bool, error) {
	moved, err := l.Webhooks.AddReplayed(ctx, batch)
	if l.batches++; l.batches%2 == 1 {
		return false, errors.Join(err, errors.New("the answer was lost"))
	}
	return moved, err
}

// A replay waits while its endpoint has enough that is due, so its deliveries stay few and new events do not wait behind all of it.
// Two replicas, one of which loses answers, leave out no event and add none twice.
func TestReplayIsBounded(t *testing.T) {
	t.Parallel()
	const events = 5 * webhook.ReplayDue / 2
	w := setup(t)
	e, _ := w.endpoint("http://127.0.0.1:9")
	first := w.place()
	for at, made := first, 1; made < events; made++ {
		at = w.advance(at)
	}
	w.replay(e.ID, webhook.Range{After: w.cursor(0)})
	other := w.newReplayer(&lossy{Webhooks: w.store})
	one := w.newReplayer(w.store)
	for round := 1; ; round++ {
		_, _ = other.Step(t.Context()) // its errors are of lost answers
		w.replayed(one)
		var due int
		if err := w.db.GetContext(t.Context(), &due, `SELECT count(*) FROM webhook_deliveries WHERE status = 'PENDING'`); err != nil {
			t.Fatal(err)
		}
		if due >= 2*webhook.ReplayDue {
			t.Fatalf("round %d: %d deliveries are due", round, due)
		}
		w.exec(`UPDATE webhook_deliveries SET status = 'DELIVERED', next_attempt_at = NULL`)
		if w.found(e.ID).Replay.FinishedAt != nil {
			break
		}
		if round > events {
			t.Fatalf("it does not end: %+v", w.found(e.ID).Replay)
		}
		w.clock.forward(time.Second)
	}
	var made struct{ All, Different int }
	if err := w.db.GetContext(t.Context(), &made, `SELECT count(*) AS all, count(DISTINCT event_id) AS different FROM webhook_deliveries`); err != nil {
		t.Fatal(err)
	}
	if made.All != events || made.Different != events || w.found(e.ID).Replay.Queued != events {
		t.Errorf("%d deliveries of %d events, queued %d, want %d", made.All, made.Different, w.found(e.ID).Replay.Queued, events)
	}
}

// A replay of a disabled endpoint waits, and goes on when that is enabled. What is pending already stays as it is.
func TestReplayWaits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e, _ := w.endpoint("http://127.0.0.1:9")
	w.place()
	w.fanOut()
	later := w.clock.Now().Add(time.Hour).Truncate(time.Microsecond)
	w.exec(`UPDATE webhook_deliveries SET next_attempt_at = $1`, later)
	off, on := false, true
	change := func(enabled *bool) {
		if _, err := w.service.Update(t.Context(), staff, e.ID, webhook.Change{Enabled: enabled}); err != nil {
			t.Fatal(err)
		}
	}
	change(&off)
	w.replay(e.ID, webhook.Range{After: w.cursor(0)})
	r := w.newReplayer(w.store)
	if moved, err := r.Step(t.Context()); moved || err != nil {
		t.Errorf("while disabled: %v, %v", moved, err)
	}
	change(&on)
	w.replayed(r)
	if got := w.deliveries(); len(got) != 1 || !got[0].NextAttemptAt.Equal(later) || w.found(e.ID).Replay.FinishedAt == nil {
		t.Errorf("deliveries %+v, replay %+v", got[0], w.found(e.ID).Replay)
	}
}

// changing runs a change when a page of a replay has been read and is not yet stored.
type changing struct {
	*postgres.Webhooks
	change func()
}

func (c *changing) AddReplayed(ctx context.Context, batch webhook.ReplayBatch) (bool, error) {
	c.change()
	return c.Webhooks.AddReplayed(ctx, batch)
}

// A replay whose endpoint is deleted ends: also a page that was being read adds no deliveries.
func TestReplayOfDeletedEndpoint(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e, _ := w.endpoint("http://127.0.0.1:9")
	w.place()
	w.replay(e.ID, webhook.Range{After: w.cursor(0)})
	r := w.newReplayer(&changing{Webhooks: w.store, change: func() {
		if err := w.service.Delete(t.Context(), staff, e.ID); err != nil {
			t.Fatal(err)
		}
	}})
	for range 2 {
		if moved, err := r.Step(t.Context()); moved || err != nil {
			t.Errorf("moved %t, %v", moved, err)
		}
	}
	var left int
	if err := w.db.GetContext(t.Context(), &left, `SELECT count(*) FROM webhook_deliveries`); err != nil || left != 0 {
		t.Errorf("%d deliveries, %v", left, err)
	}
}

// A replay whose endpoint is disabled in its middle adds nothing more and sends nothing, loses no event, and continues where it was.
func TestReplayOfDisabledEndpoint(t *testing.T) {
	t.Parallel()
	const events = webhook.ReplayDue + 1 // the second page has one
	w := setup(t)
	e, _ := w.endpoint("http://127.0.0.1:9")
	at := w.place()
	for made := 1; made < events; made++ {
		at = w.advance(at)
	}
	w.replay(e.ID, webhook.Range{After: w.cursor(0)})
	enable := func(enabled bool) {
		if _, err := w.service.Update(t.Context(), staff, e.ID, webhook.Change{Enabled: &enabled}); err != nil {
			t.Fatal(err)
		}
	}
	disabling := w.newReplayer(&changing{Webhooks: w.store, change: func() { enable(false) }})
	w.replayed(disabling)
	w.exec(`UPDATE webhook_deliveries SET status = 'DELIVERED', next_attempt_at = NULL`) // there is room for the next page
	w.replayed(w.newReplayer(w.store))
	if got := w.found(e.ID).Replay; got.Done() != webhook.ReplayDue || got.FinishedAt != nil {
		t.Errorf("while disabled %+v", got)
	}
	_, err := w.service.Replay(t.Context(), staff, e.ID, webhook.Range{After: w.cursor(1)})
	refused(t, err, "REPLAY_IN_PROGRESS", "input.endpointId")
	enable(true)
	w.replayed(w.newReplayer(w.store))
	if got := w.found(e.ID).Replay; got.Queued != events || got.Missed != 0 || got.FinishedAt == nil {
		t.Errorf("in the end %+v", got)
	}
}

// wideLog has a feed of a length, one event a second, of which the first ones may be gone.
type wideLog struct {
	webhook.Log
	first, last int64
	began       time.Time
	asked       int
}

func (l *wideLog) Extent(context.Context, int64) (event.Extent, error) {
	return event.Extent{First: l.first, Last: event.Place{Position: l.last}}, nil
}

func (l *wideLog) FeedPage(_ context.Context, _ auth.Principal, _ event.Scope, after int64, _ int) (event.FeedPage, error) {
	l.asked++
	at := l.began.Add(time.Duration(after+1) * time.Second)
	return event.FeedPage{Items: []event.FeedItem{{Event: &order.Event{At: at}}}}, nil
}

func TestReplayRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e, _ := w.endpoint("http://127.0.0.1:9")
	began := w.clock.Now().Add(-1_000_000 * time.Second)
	log := &wideLog{first: 500_001, last: 1_000_000, began: began}
	service := webhook.NewService(postgres.NewWebhooks(w.db.API), log, webhook.Destinations{}, maxEndpoints, w.clock.next, func() {})
	at := func(position int) *time.Time {
		return new(began.Add(time.Duration(position) * time.Second))
	}
	future := w.clock.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		of    webhook.Range
		code  fault.Code
		field string
	}{
		"ErrNeither":     {webhook.Range{}, "RANGE_INVALID", "input"},
		"ErrBoth":        {webhook.Range{From: at(1), After: &event.FeedCursor{}}, "RANGE_INVALID", "input"},
		"ErrToOnly":      {webhook.Range{To: at(1)}, "RANGE_INVALID", "input"},
		"ErrMixed":       {webhook.Range{From: at(1), Through: &event.FeedCursor{}}, "RANGE_INVALID", "input"},
		"ErrEmpty":       {webhook.Range{From: at(600_000), To: at(600_000)}, "RANGE_INVALID", "input.to"},
		"ErrFuture":      {webhook.Range{From: &future}, "RANGE_INVALID", "input.from"},
		"ErrGone":        {webhook.Range{From: at(500_000)}, "RANGE_NOT_KEPT", "input.from"},
		"ErrGoneCursor":  {webhook.Range{After: &event.FeedCursor{Position: 499_999}}, "RANGE_NOT_KEPT", "input.after"},
		"ErrBackwards":   {webhook.Range{After: &event.FeedCursor{Position: 600_000}, Through: &event.FeedCursor{Position: 599_999}}, "RANGE_INVALID", "input.through"},
		"ErrLarge":       {webhook.Range{From: at(600_000)}, "RANGE_TOO_LARGE", "input"},
		"ErrLargeCursor": {webhook.Range{After: &event.FeedCursor{Position: 600_000}}, "RANGE_TOO_LARGE", "input"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := service.Replay(t.Context(), staff, e.ID, c.of)
			refused(t, err, c.code, c.field)
		})
	}
	t.Run("ErrCursor", func(t *testing.T) {
		// The log has no such position, and another log gave this one.
		for _, c := range []event.FeedCursor{{Position: 1_000_001}, {Position: 999_999, Epoch: 7}} {
			if _, err := service.Replay(t.Context(), staff, e.ID, webhook.Range{After: &c}); fault.CodeOf(err) != fault.InvalidCursor {
				t.Errorf("%+v: %v", c, err)
			}
		}
	})
	t.Run("ErrNotFound", func(t *testing.T) {
		_, err := service.Replay(t.Context(), staff, id.New[id.Endpoint](), webhook.Range{From: at(999_000)})
		refused(t, err, "ENDPOINT_NOT_FOUND", "input.endpointId")
	})
	t.Run("ErrForbidden", func(t *testing.T) {
		if _, err := service.Replay(t.Context(), ada, e.ID, webhook.Range{From: at(999_000)}); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("%v", err)
		}
	})
	// The range reaches further than asked, because the feed is in the order of commits, and few events are read to find it.
	log.asked = 0
	got, err := service.Replay(t.Context(), staff, e.ID, webhook.Range{From: at(900_000), To: at(950_000)})
	slack := int64(webhook.CommitDelay / time.Second)
	if err != nil || got.Replay.Since != 899_999-slack || got.Replay.Until != 949_999+slack || log.asked > 50 {
		t.Errorf("%+v after %d looks, %v", got.Replay, log.asked, err)
	}
}
