package webhook

import (
	"context"
	"log/slog"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

const (
	// pollInterval is the interval at which to look without a wake-up.
	pollInterval = time.Second
	// fanoutPage is the number of events that become deliveries in one statement.
	fanoutPage = 100
	// errorPause keeps a failing database from being hammered.
	errorPause = 250 * time.Millisecond
)

// Fanout makes a delivery of every event for every endpoint that wants it. Any number may run on one database: the position moves
// in the statement that adds the deliveries, and only from the position that was read. So an event gets its deliveries once, no
// matter which replica is killed, stopped or repeats the statement.
type Fanout struct {
	feed   Feed
	outbox Outbox
	holder string
	clock  order.Clock
	log    *slog.Logger
	added  func()
	signal chan struct{}
}

// NewFanout returns a fan-out in the name of holder, which must be this process's alone. added is told of new deliveries;
// it must not block. Run it.
func NewFanout(feed Feed, outbox Outbox, holder string, clock order.Clock, added func(), log *slog.Logger) *Fanout {
	return &Fanout{feed: feed, outbox: outbox, holder: holder, clock: clock, added: added, log: log, signal: make(chan struct{}, 1)}
}

// Wake tells Run that the feed may have grown. It does not block.
func (f *Fanout) Wake() { poke(f.signal) }

// Run works until ctx ends. Errors are logged and tried again; it returns nil.
func (f *Fanout) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		more, wanted, err := f.step(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			f.log.ErrorContext(ctx, "creating webhook deliveries for new events failed; retrying", "error", err)
			wait(ctx, nil, errorPause)
		case more:
		case wanted:
			wait(ctx, f.signal, pollInterval)
		default:
			// Nobody wants events, so nothing need be read when there are some: only whether that has changed.
			wait(ctx, nil, pollInterval)
		}
	}
	return nil
}

// step makes the deliveries of one page of the feed. more: there may be another page. wanted: it is for this process to
// look as soon as there is something.
func (f *Fanout) step(ctx context.Context) (more, wanted bool, err error) {
	state, err := f.outbox.FanoutState(ctx)
	if err != nil || state.Since == nil || (state.Busy && state.Holder != f.holder) {
		return false, false, err
	}
	after := max(state.Position, *state.Since)
	feed, err := f.feed.FeedPage(ctx, auth.System, event.Everybody, after, fanoutPage)
	if err != nil {
		return false, true, err
	}
	if left := leaveNewer(ctx, f.log, &feed); !left {
		return false, true, nil
	}
	if missed := feed.First - 1 - after; missed > 0 {
		f.log.ErrorContext(ctx, "retention dropped events before they became webhook deliveries", "events", missed, "after", after)
	}
	to := max(feed.Through.Position, feed.First-1)
	if to <= after {
		return false, true, nil
	}
	// Read after the page: an endpoint that is not there yet was made after all of the page's events.
	endpoints, err := f.outbox.EnabledEndpoints(ctx)
	if err != nil {
		return false, true, err
	}
	batch := Batch{Holder: f.holder, From: state.Position, To: to}
	if to == feed.Through.Position {
		batch.Mark = feed.Through.Mark
	}
	if batch.Deliveries, err = f.deliveries(feed.Items, endpoints); err != nil {
		return false, true, err
	}
	moved, err := f.outbox.AddDeliveries(ctx, batch)
	if moved && len(batch.Deliveries) > 0 {
		f.added()
	}
	return moved && feed.More, true, err
}

// leaveNewer ends the page before the first event that this version does not know. A replica of the version that wrote it makes its
// deliveries and continues: this one cannot say what has happened, and must not pass it over. It reports whether events are left.
func leaveNewer(ctx context.Context, log *slog.Logger, feed *event.FeedPage) bool {
	for i := range feed.Items {
		err := feed.Items[i].Event.Known()
		if err == nil {
			continue
		}
		log.WarnContext(ctx, "webhook deliveries wait for a replica of a newer version, which wrote the next event", "error", err)
		if i == 0 {
			return false
		}
		feed.Items, feed.Through, feed.More = feed.Items[:i], feed.Items[i-1].Place, false
		return true
	}
	return true
}

func (f *Fanout) deliveries(items []event.FeedItem, endpoints []*Endpoint) ([]NewDelivery, error) {
	var all []NewDelivery
	now := f.clock()
	var last id.Delivery // later events have later deliveries
	for _, item := range items {
		var text []byte
		for _, e := range endpoints {
			if !e.wants(item.Event.Type) || item.Position <= e.FromPosition {
				continue
			}
			if text == nil {
				var err error
				if text, err = body(item.Event); err != nil {
					return nil, err
				}
			}
			last = id.After(last, now)
			all = append(all, NewDelivery{
				ID: last, EndpointID: e.ID, EventID: item.Event.ID, EventType: item.Event.Type, Body: text, CreatedAt: now,
			})
		}
	}
	return all, nil
}

func poke(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// wait ends with ctx, a signal or the time.
func wait(ctx context.Context, signal <-chan struct{}, atMost time.Duration) {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-signal:
	case <-timer.C:
	}
}
