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
	// Extent says what the log holds now.
	Extent(ctx context.Context) (Extent, error)
	// Order is the order in its present version.
	Order(ctx context.Context, p auth.Principal, orderID uuid.UUID) (*order.Order, error)
	// Events are those of one order after a version, in the order of versions, at most limit.
	Events(ctx context.Context, p auth.Principal, orderID uuid.UUID, after, limit int) ([]order.Event, error)
	// FeedPage reads the feed after a position: of one customer, or of all for uuid.Nil.
	FeedPage(ctx context.Context, p auth.Principal, customerID uuid.UUID, after int64, limit int) (FeedPage, error)
	// FeedTail says in one snapshot how far the feed goes and which events follow a position, at most limit (0: none).
	FeedTail(ctx context.Context, p auth.Principal, after int64, limit int) (FeedTail, error)
	// EventsAt reads single events. What does not exist for the principal is left out.
	EventsAt(ctx context.Context, p auth.Principal, keys []Key) (map[Key]*order.Event, error)
}

// Extent of the feed: positions First to Last of an epoch. First is Last+1 when it holds none.
type Extent struct {
	Epoch       int
	First, Last int64
}

// Key names one event.
type Key struct {
	OrderID uuid.UUID
	Version int
}

// FeedItem is one event and its position in the feed.
type FeedItem struct {
	Position int64
	Event    *order.Event
}

// FeedPage is a part of the feed in the order of positions. A reader whose next position is before First has missed
// something.
type FeedPage struct {
	Items []FeedItem
	// First is the position from which on the log was whole when this was read: what was before has left, or is leaving.
	First int64
	// Through is the last position that was looked at, 0 when there was none.
	Through int64
	// More: the limit was reached.
	More bool
}

// FeedRow is a row of the feed without the event.
type FeedRow struct {
	Position   int64
	Key        Key
	CustomerID uuid.UUID
}

// FeedTail is what follows a position in the feed.
type FeedTail struct {
	Epoch int
	// Last is the highest position given out.
	Last int64
	Rows []FeedRow
}
