package postgres

import (
	"context"
	"math"

	"github.com/google/uuid"
	"github.com/lib/pq"
	"github.com/lib/pq/oid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/groupcommit"
	"github.com/orderwire/orderwire/internal/id"
)

// orderReaders read at the same time, but only when one is held up: see groupcommit.Group.
const orderReaders = 2

// orderCall is a call of Log.Order.
type orderCall struct {
	principal auth.Principal
	orderID   id.Order
	// has is the version whose mark is asked for too; 0: none.
	has int
}

// orderStateRow is the answer to call N (from 1), with the events of the order's version and of the one that was asked for.
type orderStateRow struct {
	N          int               `db:"n"`
	Order      storedOrder       `db:"stored"`
	EventID    id.Null[id.Event] `db:"event_id"`
	HasEventID id.Null[id.Event] `db:"has_event_id"`
}

var orderStatesSQL = `
	SELECT t.n, ` + orderRecord + ` AS stored,
		(SELECT e.id FROM order_events e WHERE e.order_id = o.id AND e.version = o.version) AS event_id,
		CASE WHEN t.has > 0 THEN (SELECT e.id FROM order_events e WHERE e.order_id = o.id AND e.version = t.has) END AS has_event_id
	FROM unnest($1::uuid[], $2::uuid[], $3::integer[]) WITH ORDINALITY AS t (id, viewer, has, n)
	CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = t.id OFFSET 0) o
	WHERE (t.viewer IS NULL OR o.customer_id = t.viewer)`

// readOrderStates reads the snapshots that subscriptions begin with. It starts after all its callers have asked, so no caller gets a
// state from before its call.
func (l *Log) readOrderStates(calls []*groupcommit.Call[orderCall, event.OrderState]) {
	ctx := ofMany
	// app.principal holds for a whole statement, so calls with access to all rows have a statement of their own.
	var all, some []*groupcommit.Call[orderCall, event.OrderState]
	for _, c := range calls {
		if settingOf(c.In.principal) == everybody {
			all = append(all, c)
		} else {
			some = append(some, c)
		}
	}
	for _, together := range [][]*groupcommit.Call[orderCall, event.OrderState]{all, some} {
		if len(together) > 0 {
			l.readOrders(ctx, together)
		}
	}
}

func (l *Log) readOrders(ctx context.Context, calls []*groupcommit.Call[orderCall, event.OrderState]) {
	n := len(calls)
	ids, viewers, settings := newArray(oid.T_uuid, n, 16), newArray(oid.T_uuid, n, 16), make([]string, n)
	has := make(pq.Int64Array, n)
	for i, c := range calls {
		ids.addUUID(uuid.UUID(c.In.orderID))
		addNullableUUID(&viewers, viewerArg(c.In.principal))
		settings[i] = settingOf(c.In.principal)
		if c.In.has <= math.MaxInt32 { // no order has more versions
			has[i] = int64(c.In.has)
		}
	}
	stmt, err := l.db.preparedText(ctx, hotText{orderStatesSQL, 4}) //nolint:sqlclosecheck // it is kept
	var rows []orderStateRow
	if err == nil {
		err = stmt.SelectContext(ctx, &rows, ids, viewers, has, settingOfAll(settings))
	}
	if n > 1 && err != nil && ofOneCall(err) {
		for i := range calls {
			l.readOrders(ctx, calls[i:i+1])
		}
		return
	}
	found := make([]event.OrderState, n)
	for i := range rows {
		r := &rows[i]
		found[r.N-1] = event.OrderState{Order: r.Order.Order, Mark: markOf(r.EventID), Has: markOf(r.HasEventID)}
	}
	for i, c := range calls {
		o := found[i].Order
		switch {
		case err != nil:
			c.Err = err
		// Row-level security cannot tell a batch's principals apart, so ownership is checked here.
		case o == nil || !c.In.principal.CanSee(o.CustomerID):
			c.Err = fault.New(fault.NotFound, "There is no such order.")
		default:
			c.Out = found[i]
		}
	}
}

// markOf is an event's mark, none when the log does not hold it.
func markOf(eventID id.Null[id.Event]) event.Mark {
	if !eventID.Valid {
		return 0
	}
	return event.MarkOf(eventID.ID)
}
