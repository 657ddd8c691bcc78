package event

import (
	"context"

	"github.com/orderwire/orderwire/internal/id"
)

// Relay carries the events and feed rows that a hub would otherwise read from the log between replicas, and learns what the
// subscribers of this replica watch. It is best effort and never trusted: what it loses is read from the log, and duplicates
// and late messages are dropped. Its methods must not block. They are called with the hub's lock held.
type Relay interface {
	// OrderWatched changes the number of an order's subscribers by +1 or -1.
	OrderWatched(orderID id.Order, by int)
	// FeedWatched changes the number of a feed's subscribers by +1 or -1.
	FeedWatched(scope Scope, by int)
	// SetLog sets the database server that this replica reads from and the epoch of its log. Only replicas with the same
	// server and epoch exchange messages.
	SetLog(instance string, epoch int64)
	// Leads reports whether this replica reads the feed for the others, even without subscribers.
	Leads() bool
	// Relay sends what this replica has read to the others. It is called only while Leads, and without the hub's lock.
	Relay(FeedBatch)
}

// FeedBatch is a part of the feed without a gap: all rows after From, up to the last of Rows.
type FeedBatch struct {
	Epoch int64
	From  Place
	Rows  []FeedRow
}

// noRelay is the Relay of a single process, and of replicas that all read the log.
type noRelay struct{}

func (noRelay) OrderWatched(id.Order, int) {}
func (noRelay) FeedWatched(Scope, int)     {}
func (noRelay) SetLog(string, int64)       {}
func (noRelay) Leads() bool                { return false }
func (noRelay) Relay(FeedBatch)            {}

// maxQueuedBatches bounds the batches of other replicas that wait for the hub. Further ones are dropped and read from the
// log.
const maxQueuedBatches = 64

// ReceiveBatch takes a batch that another replica has read. It does not block. Batches may be lost, repeated and in any
// order.
func (h *Hub) ReceiveBatch(b FeedBatch) {
	select {
	case h.batches <- b:
	default:
		h.Wake()
	}
}

// applyBatch delivers a batch. It returns false when the log has to be read, because the batch does not continue the hub's
// feed.
func (h *Hub) applyBatch(ctx context.Context, b FeedBatch) bool {
	h.mu.RLock()
	has, continues := h.place, h.loaded && b.Epoch == h.epoch && b.From.Position <= h.place.Position
	h.mu.RUnlock()
	at, rows := b.From, b.Rows
	for len(rows) > 0 && rows[0].Position <= has.Position {
		at, rows = rows[0].Place, rows[1:]
	}
	if !continues || len(rows) == 0 {
		return continues
	}
	// The batch continues the hub's feed only if both hold the same events up to that position.
	if at.Position != has.Position || !at.Mark.proves(has.Mark) {
		return false
	}
	return h.deliverAll(ctx, rows) == nil
}
