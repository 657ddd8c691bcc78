package graph

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/product"
	"github.com/orderwire/orderwire/internal/reconcile"
	"github.com/orderwire/orderwire/internal/webhook"
)

// eventCursor is the kind of cursor of Order.events, whose cursors are not those of a list.
const eventCursor = "events"

// The schema's lists. Cursors of an older version stay valid, so their kinds do not change.
var (
	orderList          = list[*order.Order]{"orders", func(o *order.Order) uuid.UUID { return uuid.UUID(o.ID) }}
	productList        = list[*product.Product]{"products", func(p *product.Product) uuid.UUID { return uuid.UUID(p.ID) }}
	attentionList      = list[*payment.Payment]{"attention", func(p *payment.Payment) uuid.UUID { return uuid.UUID(p.ID) }}
	reconciliationList = list[*reconcile.Entry]{"reconciliation", func(e *reconcile.Entry) uuid.UUID { return e.ID }}
	orphanList         = list[*reconcile.Orphan]{"orphanedCharges", func(o *reconcile.Orphan) uuid.UUID { return o.ID }}
	auditList          = list[*audit.Entry]{"audit", func(e *audit.Entry) uuid.UUID { return uuid.UUID(e.ID) }}
	endpointList       = list[*webhook.Endpoint]{"endpoints", func(e *webhook.Endpoint) uuid.UUID { return uuid.UUID(e.ID) }}
	deliveryList       = list[*webhook.Delivery]{"deliveries", func(d *webhook.Delivery) uuid.UUID { return uuid.UUID(d.ID) }}
)

// list is a list that is read page by page, in the order of a key.
type list[N any] struct {
	// cursor is the kind of its cursors, which no other list has: another list's cursor is refused.
	cursor string
	key    func(N) uuid.UUID
}

// forward parses the arguments of a list that is read from its begin to its end only.
func (l list[N]) forward(first *int, after *string) (pagination.Request, error) {
	return pagination.Parse(l.cursor, first, after, nil, nil)
}

// connect returns the arguments of a connection type's generated function: the items of a page, their cursors, and the page's place
// in the list.
func (l list[N]) connect(result pagination.Result[N]) ([]N, []string, *model.PageInfo) {
	cursors := make([]string, len(result.Items))
	for i, node := range result.Items {
		cursors[i] = pagination.Cursor(l.cursor, l.key(node))
	}
	info := pageInfo(cursors, result.HasPrevious, result.HasNext)
	if result.Reached.Valid {
		// The page is short, and may be empty: the next page begins behind the last examined row, not behind the last found one.
		reached := pagination.Cursor(l.cursor, result.Reached.ID)
		if result.Backward {
			info.StartCursor = &reached
		} else {
			info.EndCursor = &reached
		}
	}
	return result.Items, cursors, info
}

// eventPage returns a page of an order's history. rows has one event more than limit when more events follow. An event that this
// version does not know refuses the page: see fault.ErrNewer.
func eventPage(orderID id.Order, after, limit int, rows []order.Event) (*model.OrderEventConnection, error) {
	more := len(rows) > limit
	if more {
		rows = rows[:limit]
	}
	events, cursors := make([]model.OrderEvent, len(rows)), make([]string, len(rows))
	for i := range rows {
		event, err := model.NewEvent(&rows[i])
		if err != nil {
			return nil, err
		}
		events[i], cursors[i] = event, encodeEventCursor(orderID, rows[i].Version)
	}
	return orderEventConnection(events, cursors, pageInfo(cursors, after > 0, more)), nil
}

func pageInfo(cursors []string, hasPrevious, hasNext bool) *model.PageInfo {
	info := &model.PageInfo{HasPreviousPage: hasPrevious, HasNextPage: hasNext}
	if n := len(cursors); n > 0 {
		info.StartCursor, info.EndCursor = &cursors[0], &cursors[n-1]
	}
	return info
}

// encodeEventCursor makes the cursor of an event in Order.events: the order's id, so that another order's cursor is
// refused, and the version.
func encodeEventCursor(orderID id.Order, version int) string {
	raw := append([]byte(eventCursor+":"), orderID[:]...)
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint(raw, uint64(version)))
}

// decodeEventCursor returns the version of an encoded cursor, 0 for none. INVALID_CURSOR for any other text.
func decodeEventCursor(orderID id.Order, cursor *string) (int, error) {
	if cursor == nil {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*cursor)
	prefix := append([]byte(eventCursor+":"), orderID[:]...)
	if err == nil && len(raw) > len(prefix) && string(raw[:len(prefix)]) == string(prefix) {
		version, n := binary.Uvarint(raw[len(prefix):])
		if n == len(raw)-len(prefix) && version > 0 && version < 1<<31 {
			return int(version), nil
		}
	}
	return 0, fault.New(fault.InvalidCursor, "after is not a cursor of this order's events; pass one that pageInfo or an edge gave you.")
}
