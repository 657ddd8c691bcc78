package event

import (
	"context"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
)

// Log is the event log as the hub reads it. Where a method takes a principal, what that principal may not see does not
// exist: fault.NotFound for one order, left out of a list. The others are for the hub itself, which asks
// auth.Principal.CanSee before it hands anything on.
type Log interface {
	// Extent says what the log holds now, and the mark of one position, in one snapshot.
	Extent(ctx context.Context, at int64) (Extent, error)
	// Order is the order in its present version, and the mark of the version that somebody has (0: none is asked for).
	Order(ctx context.Context, p auth.Principal, orderID uuid.UUID, has int) (OrderState, error)
	// Events are those of one order after a version, in the order of versions, at most limit.
	Events(ctx context.Context, p auth.Principal, orderID uuid.UUID, after, limit int) ([]order.Event, error)
	// FeedPage reads the feed after a position.
	FeedPage(ctx context.Context, p auth.Principal, scope Scope, after int64, limit int) (FeedPage, error)
	// FeedTail says in one snapshot how far the feed goes and which events follow a position, at most limit (0: none).
	FeedTail(ctx context.Context, p auth.Principal, after int64, limit int) (FeedTail, error)
	// EventsAt reads single events. What does not exist for the principal is left out.
	EventsAt(ctx context.Context, p auth.Principal, keys []Key) (map[Key]*order.Event, error)
}

// Place is a position in the feed and its mark: the fingerprint of all events up to there.
type Place struct {
	Position int64
	Mark     Mark
}

// later is the place that is further on.
func (p Place) later(q Place) Place {
	if q.Position > p.Position {
		return q
	}
	return p
}

// Extent of the feed: positions First to Last of an epoch. First is Last+1 when it holds none.
type Extent struct {
	Epoch int64
	First int64
	Last  Place
	// At is the mark of the position that was asked for; 0: the log cannot tell.
	At Mark
	// Instance names the running database server: see FeedTail.
	Instance string
}

// OrderState is an order and what proves its version.
type OrderState struct {
	Order *order.Order
	// Mark is the mark of the order's version, Has of the version that was asked for; 0: the log has no such event.
	Mark, Has Mark
}

// Key names one event.
type Key struct {
	OrderID uuid.UUID
	Version int
}

// FeedItem is one event and its place in the feed.
type FeedItem struct {
	Place
	Event *order.Event
}

// FeedPage is a part of the feed in the order of positions. A reader whose next position is before First has missed
// something.
type FeedPage struct {
	Items []FeedItem
	// First is the position from which on the log was whole when this was read: what was before has left, or is leaving.
	First int64
	// Through is the last place that was looked at, position 0 when there was none.
	Through Place
	// More: the limit was reached.
	More bool
}

// FeedRow is a row of the feed without the event.
type FeedRow struct {
	Place
	Key        Key
	CustomerID uuid.UUID
}

// FeedTail is what follows a position in the feed.
type FeedTail struct {
	Epoch int64
	// Last is the highest position given out.
	Last Place
	// At is the mark of the position that the rows follow; 0: the log cannot tell.
	At   Mark
	Rows []FeedRow
	// Instance names the database server as it runs now: another one after a restart, after a failover, and in a copy.
	// Everybody who is connected to the same server reads the same.
	Instance string
}
