package event

import (
	"slices"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// Kind is the kind of an update, as in the GraphQL enum OrderUpdateKind.
type Kind string

// The kinds.
const (
	// Snapshot is the current state, the first item of a subscription without a cursor.
	Snapshot Kind = "SNAPSHOT"
	// Happened is one event with the state after it.
	Happened Kind = "EVENT"
	// Checkpoint is a fresh cursor of a quiet feed.
	Checkpoint Kind = "CHECKPOINT"
	// Reset means that the log cannot continue from the cursor. The client drops what it has and continues from this state.
	Reset Kind = "RESET"
)

// Update is one item of a subscription. Its subscribers share it, so what it points to must not be changed.
type Update struct {
	Kind Kind
	// Cursor resumes after this item.
	Cursor string
	// Event is set for Happened.
	Event *order.Event
	// Order is the order as of this item; nil in a feed's Snapshot and Reset, and in a Checkpoint.
	Order *order.Order
}

// orderUpdate returns an event as an item for subscribers of its order, feedUpdate for those of the feed.
func orderUpdate(epoch int64, e *order.Event) *Update {
	cursor := OrderCursor{Epoch: epoch, OrderID: e.Order.ID, Version: e.Version, Mark: MarkOf(e.ID)}
	return &Update{Kind: Happened, Cursor: cursor.String(), Event: e, Order: e.Order}
}

func feedUpdate(epoch int64, at Place, e *order.Event) *Update {
	cursor := FeedCursor{Epoch: epoch, Position: at.Position, Mark: at.Mark}
	return &Update{Kind: Happened, Cursor: cursor.String(), Event: e, Order: e.Order}
}

// Filter narrows a feed. A zero field does not narrow it.
type Filter struct {
	// Statuses are the accepted statuses of the order after the event.
	Statuses []order.Status
	Types    []order.EventType
	// CustomerID may be set by staff only.
	CustomerID id.Null[id.Customer]
}

// admits reports whether an event passes the filter and the principal may see it.
func (f *Filter) admits(p auth.Principal, e *order.Event) bool {
	return p.CanSee(e.Order.CustomerID) &&
		(!f.CustomerID.Valid || f.CustomerID.ID == e.Order.CustomerID) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, e.Order.Status)) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, e.Type))
}
