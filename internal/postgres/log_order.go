package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/lib/pq/oid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/batch"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/order"
)

// orderReaders read at the same time, but only when one is held up: see batch.Group.
const orderReaders = 2

// orderCall is a call of Log.Order.
type orderCall struct {
	principal auth.Principal
	orderID   uuid.UUID
}

const ordersTogetherSQL = `
	SELECT ` + orderRecord + `
	FROM unnest($1::uuid[], $2::uuid[]) AS t (id, viewer)
	JOIN orders o ON o.id = t.id AND (t.viewer IS NULL OR o.customer_id = t.viewer)`

// ordersTogether reads what subscriptions begin with. A reading begins after all its callers have asked, so nobody gets what
// was true before.
func (l *Log) ordersTogether(calls []*batch.Call[orderCall, *order.Order]) {
	ctx := ofMany
	// The setting of a statement holds for all of it, so those who see all are not read for together with the others.
	var all, some []*batch.Call[orderCall, *order.Order]
	for _, c := range calls {
		if settingOf(c.In.principal) == everybody {
			all = append(all, c)
		} else {
			some = append(some, c)
		}
	}
	for _, together := range [][]*batch.Call[orderCall, *order.Order]{all, some} {
		if len(together) > 0 {
			l.readOrders(ctx, together)
		}
	}
}

func (l *Log) readOrders(ctx context.Context, calls []*batch.Call[orderCall, *order.Order]) {
	n := len(calls)
	ids, viewers, settings := newArray(oid.T_uuid, n, 16), newArray(oid.T_uuid, n, 16), make([]string, n)
	for i, c := range calls {
		ids.addUUID(c.In.orderID)
		viewers.addNullableUUID(viewerArg(c.In.principal))
		settings[i] = settingOf(c.In.principal)
	}
	stmt, err := l.db.prepared(ctx, asPrincipal(ordersTogetherSQL, 3)) //nolint:sqlclosecheck // it is kept
	var rows []storedOrder
	if err == nil {
		err = stmt.SelectContext(ctx, &rows, ids, viewers, settingOfAll(settings))
	}
	found := make(map[uuid.UUID]*order.Order, len(rows))
	for i := range rows {
		found[rows[i].ID] = rows[i].Order // and once more if two have asked for it
	}
	for _, c := range calls {
		o := found[c.In.orderID]
		switch {
		case err != nil:
			c.Err = err
		// Asked here once more, because the second wall does not tell the customers of a batch apart.
		case o == nil || !c.In.principal.CanSee(o.CustomerID):
			c.Err = fault.New(fault.NotFound, "There is no such order.")
		default:
			c.Out = o
		}
	}
}
