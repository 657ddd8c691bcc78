package event

import (
	"context"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// Log is the event log as the hub reads it. For a method with a principal, an event that the principal may not see does not
// exist: it is fault.NotFound for a single order, and left out of a list. The hub calls the other methods for itself and
// checks auth.Principal.CanSee before it delivers anything.
type Log interface {
	// Extent returns the log's extent and the mark of one position, from one snapshot.
	Extent(ctx context.Context, at int64) (Extent, error)
	// Order returns the order in its current version, and the mark of the version has (0: none).
	Order(ctx context.Context, p auth.Principal, orderID id.Order, has int) (OrderState, error)
	// Events returns at most limit events of an order after a version, in the order of versions.
	Events(ctx context.Context, p auth.Principal, orderID id.Order, after, limit int) ([]order.Event, error)
	// FeedPage reads at most limit rows of the feed after a position.
	FeedPage(ctx context.Context, p auth.Principal, scope Scope, after int64, limit int) (FeedPage, error)
	// FeedTail returns, from one snapshot, the end of the feed and at most limit rows after a position (0: none).
	FeedTail(ctx context.Context, p auth.Principal, after int64, limit int) (FeedTail, error)
	// EventsAt reads single events. Those that do not exist for the principal are left out.
	EventsAt(ctx context.Context, p auth.Principal, keys []Key) (map[Key]*order.Event, error)
}

// Place is a position in the feed and its mark, a fingerprint of all events up to that position.
type Place struct {
	Position int64
	Mark     Mark
}

// later returns the later one of two places.
func (p Place) later(q Place) Place {
	if q.Position > p.Position {
		return q
	}
	return p
}

// Extent describes the feed: it holds the positions First to Last of an epoch. First is Last+1 when it is empty.
type Extent struct {
	Epoch int64
	First int64
	Last  Place
	// At is the mark of the requested position; 0: the log cannot tell.
	At Mark
	// Instance identifies the running database server: see FeedTail.
	Instance string
}

// OrderState is an order with the marks of two of its versions.
type OrderState struct {
	Order *order.Order
	// Mark is the mark of the order's version, Has that of the requested version; 0: the log has no such event.
	Mark, Has Mark
}

// Key identifies one event.
type Key struct {
	OrderID id.Order
	Version int
}

// FeedItem is one event with its place in the feed.
type FeedItem struct {
	Place
	Event *order.Event
}

// FeedPage is a part of the feed in the order of positions. A reader whose next position is before First has missed rows.
type FeedPage struct {
	Items []FeedItem
	// First is the position from which the log was complete when the page was read. Earlier rows have been dropped or are
	// being dropped.
	First int64
	// Through is the last place that was read, position 0 when there was none.
	Through Place
	// More: the limit was reached, so there may be more rows.
	More bool
}

// FeedRow is a row of the feed without the event itself.
type FeedRow struct {
	Place
	Key        Key
	CustomerID id.Customer
}

// FeedTail is the part of the feed after a position.
type FeedTail struct {
	Epoch int64
	// Last is the highest position assigned.
	Last Place
	// At is the mark of the position before the rows; 0: the log cannot tell.
	At   Mark
	Rows []FeedRow
	// Instance identifies one server incarnation. It differs after a restart, after a failover and in a copy of the
	// database. All connections to the same incarnation read the same data.
	Instance string
}
