package event

import (
	"context"

	"github.com/google/uuid"
)

// Relay carries to other replicas what this hub would read from the log, and learns what this one's subscribers watch.
// It is never trusted: what it loses is read from the log, what it brings twice or late is dropped. Its methods must not
// block, and are called with the hub's lock held.
type Relay interface {
	// OrderWatched says that an order's subscribers have become more (+1) or less (-1).
	OrderWatched(orderID uuid.UUID, by int)
	// FeedWatched says the same of a feed.
	FeedWatched(scope Scope, by int)
	// Serves says which database server this replica reads from, and the epoch of its log: only replicas of the same hear
	// each other.
	Serves(instance string, epoch int64)
	// Leads: this replica reads the feed for the others, whether it has subscribers or not.
	Leads() bool
	// Relay hands the others what this replica has read. It is called only while Leads, and without the lock.
	Relay(FeedBatch)
}

// FeedBatch is a part of the feed without a gap: all rows after the place From, up to the last of Rows.
type FeedBatch struct {
	Epoch int64
	From  Place
	Rows  []FeedRow
}

// noRelay is the relay of a process that is alone, or whose replicas read the log each for itself.
type noRelay struct{}

func (noRelay) OrderWatched(uuid.UUID, int) {}
func (noRelay) FeedWatched(Scope, int)      {}
func (noRelay) Serves(string, int64)        {}
func (noRelay) Leads() bool                 { return false }
func (noRelay) Relay(FeedBatch)             {}

// waitingBatches is how many batches of other replicas wait until the hub has handed on the one before. What is beyond
// is read from the log.
const waitingBatches = 64

// Follow takes what another replica has read of the feed. It does not block. Batches may be lost, come twice and in any
// order.
func (h *Hub) Follow(b FeedBatch) {
	select {
	case h.batches <- b:
	default:
		h.Wake()
	}
}

// follow hands on a batch. false: the log has to be read, because the batch does not continue what the hub has.
func (h *Hub) follow(ctx context.Context, b FeedBatch) bool {
	h.mu.RLock()
	has, inStep := h.place, h.loaded && b.Epoch == h.epoch && b.From.Position <= h.place.Position
	h.mu.RUnlock()
	at, rows := b.From, b.Rows
	for len(rows) > 0 && rows[0].Position <= has.Position {
		at, rows = rows[0].Place, rows[1:]
	}
	if !inStep || len(rows) == 0 {
		return inStep
	}
	// It continues the hub's feed only if both hold the same events up to there.
	if at.Position != has.Position || !at.Mark.proves(has.Mark) {
		return false
	}
	return h.handAll(ctx, rows) == nil
}
