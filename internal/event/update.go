package event

import (
	"slices"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
)

// Kind of an update, as in the GraphQL enum OrderUpdateKind.
type Kind string

// The kinds.
const (
	// Snapshot is the state of now, the first item of a subscription without a cursor.
	Snapshot Kind = "SNAPSHOT"
	// Happened is one event with the state it led to.
	Happened Kind = "EVENT"
	// Checkpoint is a fresh cursor of a quiet feed.
	Checkpoint Kind = "CHECKPOINT"
	// Reset: the log cannot continue from the cursor. Forget what you have and go on from this state.
	Reset Kind = "RESET"
)

// Update is one item of a subscription. It is shared by all who get it: do not change what it points to.
type Update struct {
	Kind Kind
	// Cursor continues after this item.
	Cursor string
	// Event is set for Happened.
	Event *order.Event
	// Order is the order as of this item; nil in a feed's Snapshot and Reset, and in a Checkpoint.
	Order *order.Order
}

// orderUpdate is an event as the subscribers of its order get it, feedUpdate as those of the feed do.
func orderUpdate(epoch int64, e *order.Event) *Update {
	cursor := OrderCursor{Epoch: epoch, OrderID: e.Order.ID, Version: e.Version, Mark: MarkOf(e.ID)}
	return &Update{Kind: Happened, Cursor: cursor.String(), Event: e, Order: e.Order}
}

func feedUpdate(epoch int64, at Place, e *order.Event) *Update {
	cursor := FeedCursor{Epoch: epoch, Position: at.Position, Mark: at.Mark}
	return &Update{Kind: Happened, Cursor: cursor.String(), Event: e, Order: e.Order}
}

// Filter narrows a feed. Zero fields do not narrow.
type Filter struct {
	// Statuses of the order after the event.
	Statuses []order.Status
	Types    []order.EventType
	// CustomerID is for staff.
	CustomerID uuid.NullUUID
}

// admits reports whether the event passes the filter and may be seen.
func (f *Filter) admits(p auth.Principal, e *order.Event) bool {
	return p.CanSee(e.Order.CustomerID) &&
		(!f.CustomerID.Valid || f.CustomerID.UUID == e.Order.CustomerID) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, e.Order.Status)) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, e.Type))
}
