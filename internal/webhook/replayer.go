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
	// replayInterval is the pause before a running replay checks again whether its deliveries were made.
	replayInterval = 200 * time.Millisecond
	// replayDue and replayPending bound what a replay adds to: deliveries of its endpoint that are due, so that a new event does not
	// wait behind all of a replay, and all that are pending, so that a dead endpoint does not get all of them.
	replayDue     = fanoutPage
	replayPending = 1000
)

// Replays stores the replays for Replayer.
type Replays interface {
	// RunningReplays are those of enabled endpoints that are not finished. ready: the endpoint has fewer deliveries than due that
	// are due at now, and fewer than pending that are pending.
	RunningReplays(ctx context.Context, now time.Time, due, pending int) ([]RunningReplay, error)
	// AddReplayed adds deliveries and moves the replay, both or neither: it reports false when the replay does not stand at the
	// batch's From any more. A delivery of an event that its endpoint has already is made due again unless it is pending.
	AddReplayed(ctx context.Context, batch ReplayBatch) (moved bool, err error)
}

// RunningReplay is a replay with its endpoint.
type RunningReplay struct {
	Replay   *Replay
	Endpoint *Endpoint
	Ready    bool
}

// ReplayBatch has the deliveries that a replay adds at once. They are due in their order.
type ReplayBatch struct {
	Replay *Replay
	To     int64
	// Mark is the feed's at To as it was read; 0: not known.
	Mark       event.Mark
	Missed     int
	Deliveries []NewDelivery
	At         time.Time
}

// Replayer turns the events of replays into deliveries. Any number may run on one database: as with Fanout, the position moves in the
// statement that adds the deliveries, and only from where it was read. So an event may be sent twice, but none is left out.
type Replayer struct {
	feed    Feed
	replays Replays
	clock   order.Clock
	log     *slog.Logger
	added   func()
}

// NewReplayer returns a replayer. added is told of new deliveries; it must not block. Run it.
func NewReplayer(feed Feed, replays Replays, clock order.Clock, added func(), log *slog.Logger) *Replayer {
	return &Replayer{feed: feed, replays: replays, clock: clock, added: added, log: log}
}

// Run works until ctx ends. Errors are logged and tried again; it returns nil.
func (r *Replayer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		moved, running, err := r.step(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			r.log.ErrorContext(ctx, "replaying webhook events failed; it is tried again", "error", err)
			wait(ctx, nil, pollInterval)
		case moved:
		case running:
			wait(ctx, nil, replayInterval)
		default:
			wait(ctx, nil, pollInterval)
		}
	}
	return nil
}

// step adds a page of each replay whose endpoint has room.
func (r *Replayer) step(ctx context.Context) (moved, running bool, err error) {
	replays, err := r.replays.RunningReplays(ctx, r.clock().Add(replayInterval), replayDue, replayPending)
	if err != nil {
		return false, false, err
	}
	for _, one := range replays {
		if !one.Ready {
			continue
		}
		did, err := r.page(ctx, one)
		if err != nil {
			return moved, true, err
		}
		moved = moved || did
	}
	if moved {
		r.added()
	}
	return moved, len(replays) > 0, nil
}

func (r *Replayer) page(ctx context.Context, one RunningReplay) (moved bool, err error) {
	replay := one.Replay
	feed, err := r.feed.FeedPage(ctx, auth.System, event.Everybody, replay.Position, fanoutPage)
	if err != nil {
		return false, err
	}
	if left := leaveNewer(ctx, r.log, &feed); !left {
		return false, nil
	}
	batch := ReplayBatch{Replay: replay, To: replay.Until, At: r.clock()}
	if gone := feed.First - 1; gone > replay.Position {
		batch.Missed = int(min(gone, replay.Until) - replay.Position)
		r.log.WarnContext(ctx, "events have left the log before they were replayed", "endpoint", replay.EndpointID, "events", batch.Missed)
	}
	if through := max(feed.Through.Position, feed.First-1); through > replay.Position && through < replay.Until {
		batch.To = through
	}
	var last id.Delivery
	for _, item := range feed.Items {
		if item.Position > batch.To {
			break
		}
		if item.Position == batch.To {
			batch.Mark = item.Mark
		}
		if !one.Endpoint.wants(item.Event.Type) || !replay.covers(item.Event.At) {
			continue
		}
		text, err := body(item.Event)
		if err != nil {
			return false, err
		}
		last = id.After(last, batch.At)
		batch.Deliveries = append(batch.Deliveries, NewDelivery{
			ID: last, EndpointID: replay.EndpointID, EventID: item.Event.ID, EventType: item.Event.Type, Body: text, CreatedAt: batch.At,
		})
	}
	return r.replays.AddReplayed(ctx, batch)
}
