package graph

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/page"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/product"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// The kinds of cursor: one for each list, so that a cursor of another list is refused.
const (
	orderCursor      = "orders"
	productCursor    = "products"
	eventCursor      = "events"
	attentionCursor  = "attention"
	differenceCursor = "reconciliation"
	orphanCursor     = "orphanedCharges"
	auditCursor      = "audit"
)

// connect makes a page's edges, each with its cursor, and says where the page stands in its list.
func connect[N, E any](kind string, result page.Result[N], edge func(N) (cursor string, e E)) ([]E, *model.PageInfo) {
	edges, cursors := make([]E, len(result.Items)), make([]string, len(result.Items))
	for i, node := range result.Items {
		cursors[i], edges[i] = edge(node)
	}
	info := pageInfo(cursors, result.HasPrevious, result.HasNext)
	if result.Reached.Valid {
		// The page is short, and may be empty: the list goes on behind what was examined, not behind what was found.
		reached := page.Cursor(kind, result.Reached.UUID)
		if result.Backward {
			info.StartCursor = &reached
		} else {
			info.EndCursor = &reached
		}
	}
	return edges, info
}

func orderConnection(result page.Result[*order.Order]) *model.OrderConnection {
	edges, info := connect(orderCursor, result, func(o *order.Order) (string, *model.OrderEdge) {
		cursor := page.Cursor(orderCursor, o.ID)
		return cursor, &model.OrderEdge{Cursor: cursor, Node: o}
	})
	return &model.OrderConnection{Edges: edges, Nodes: result.Items, PageInfo: info}
}

func auditConnection(result page.Result[*audit.Entry]) *model.AuditEntryConnection {
	edges, info := connect(auditCursor, result, func(e *audit.Entry) (string, *model.AuditEntryEdge) {
		cursor := page.Cursor(auditCursor, e.ID)
		return cursor, &model.AuditEntryEdge{Cursor: cursor, Node: e}
	})
	return &model.AuditEntryConnection{Edges: edges, Nodes: result.Items, PageInfo: info}
}

func productConnection(result page.Result[*product.Product]) *model.ProductConnection {
	edges, info := connect(productCursor, result, func(p *product.Product) (string, *model.ProductEdge) {
		cursor := page.Cursor(productCursor, p.ID)
		return cursor, &model.ProductEdge{Cursor: cursor, Node: p}
	})
	return &model.ProductConnection{Edges: edges, Nodes: result.Items, PageInfo: info}
}

func paymentConnection(result page.Result[order.PaymentOf]) *model.PaymentConnection {
	connection := &model.PaymentConnection{
		Edges: make([]*model.PaymentEdge, len(result.Items)),
		Nodes: make([]*payment.Payment, len(result.Items)),
	}
	cursors := make([]string, len(result.Items))
	for i, item := range result.Items {
		cursors[i] = page.Cursor(attentionCursor, item.Payment.ID)
		connection.Edges[i] = &model.PaymentEdge{Cursor: cursors[i], Node: item.Payment}
		connection.Nodes[i] = item.Payment
	}
	connection.PageInfo = pageInfo(cursors, result.HasPrevious, result.HasNext)
	return connection
}

func reconciliationConnection(result page.Result[reconcile.Entry]) *model.ReconciliationEntryConnection {
	connection := &model.ReconciliationEntryConnection{
		Edges: make([]*model.ReconciliationEntryEdge, len(result.Items)),
		Nodes: make([]*reconcile.Entry, len(result.Items)),
	}
	cursors := make([]string, len(result.Items))
	for i := range result.Items {
		entry := &result.Items[i]
		cursors[i] = page.Cursor(differenceCursor, entry.ID)
		connection.Edges[i] = &model.ReconciliationEntryEdge{Cursor: cursors[i], Node: entry}
		connection.Nodes[i] = entry
	}
	connection.PageInfo = pageInfo(cursors, result.HasPrevious, result.HasNext)
	return connection
}

func orphanConnection(result page.Result[reconcile.Orphan]) *model.OrphanedChargeConnection {
	connection := &model.OrphanedChargeConnection{
		Edges: make([]*model.OrphanedChargeEdge, len(result.Items)),
		Nodes: make([]*reconcile.Orphan, len(result.Items)),
	}
	cursors := make([]string, len(result.Items))
	for i := range result.Items {
		orphan := &result.Items[i]
		cursors[i] = page.Cursor(orphanCursor, orphan.ID)
		connection.Edges[i] = &model.OrphanedChargeEdge{Cursor: cursors[i], Node: orphan}
		connection.Nodes[i] = orphan
	}
	connection.PageInfo = pageInfo(cursors, result.HasPrevious, result.HasNext)
	return connection
}

// eventConnection is a page of an order's history. rows has one event more than limit when the history goes on. An event that this version
// does not know refuses the page: see fault.ErrNewer.
func eventConnection(orderID uuid.UUID, after, limit int, rows []order.Event) (*model.OrderEventConnection, error) {
	more := len(rows) > limit
	if more {
		rows = rows[:limit]
	}
	connection := &model.OrderEventConnection{
		Edges: make([]*model.OrderEventEdge, len(rows)),
		Nodes: make([]model.OrderEvent, len(rows)),
	}
	cursors := make([]string, len(rows))
	for i := range rows {
		event, err := model.NewEvent(&rows[i])
		if err != nil {
			return nil, err
		}
		cursors[i] = encodeEventCursor(orderID, rows[i].Version)
		connection.Edges[i] = &model.OrderEventEdge{Cursor: cursors[i], Node: event}
		connection.Nodes[i] = event
	}
	connection.PageInfo = pageInfo(cursors, after > 0, more)
	return connection, nil
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
func encodeEventCursor(orderID uuid.UUID, version int) string {
	raw := append([]byte(eventCursor+":"), orderID[:]...)
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint(raw, uint64(version)))
}

// decodeEventCursor returns the version of an encoded cursor, 0 for none. INVALID_CURSOR for any other text.
func decodeEventCursor(orderID uuid.UUID, cursor *string) (int, error) {
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
