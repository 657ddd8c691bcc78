package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/batch"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/order"
)

// Log reads the event log. It implements event.Log. Each method is one statement, and so one snapshot.
type Log struct {
	db guarded
	// orders that are asked for at the same time are one statement: see ordersTogether.
	orders *batch.Group[orderCall, *order.Order]
}

// NewLog returns the log of a database.
func NewLog(db *sqlx.DB) *Log {
	l := &Log{db: newGuarded(db)}
	l.orders = batch.New(orderReaders, maxBatch, l.ordersTogether)
	return l
}

// Extent implements event.Log.
func (l *Log) Extent(ctx context.Context) (event.Extent, error) {
	var row struct {
		Epoch int   `db:"epoch"`
		First int64 `db:"first"`
		Last  int64 `db:"last"`
	}
	err := l.db.get(ctx, auth.System, &row, `
		SELECT l.epoch, l.position AS last, `+feedFirst+` AS first FROM event_log l`)
	return event.Extent(row), err
}

// Order implements event.Log.
func (l *Log) Order(ctx context.Context, p auth.Principal, orderID uuid.UUID) (*order.Order, error) {
	return l.orders.Do(ctx, orderCall{principal: p, orderID: orderID})
}

// Events implements event.Log.
func (l *Log) Events(ctx context.Context, p auth.Principal, orderID uuid.UUID, after, limit int) ([]order.Event, error) {
	var rows [][]byte
	err := l.db.allHot(ctx, p, &rows, `
		SELECT `+eventRecord+`
		FROM order_events e JOIN orders o ON o.id = e.order_id
		WHERE `+visibleTo+` AND e.order_id = $2 AND e.version > $3
		ORDER BY e.version LIMIT $4`,
		viewerArg(p), orderID, after, limit)
	if err != nil {
		return nil, err
	}
	events := make([]order.Event, len(rows))
	shared := heads{}
	for i := range rows {
		if events[i], err = readEvent(rows[i], shared); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// EventsAt implements event.Log.
func (l *Log) EventsAt(ctx context.Context, p auth.Principal, keys []event.Key) (map[event.Key]*order.Event, error) {
	ids, versions := make(pq.StringArray, len(keys)), make(pq.Int64Array, len(keys))
	for i, k := range keys {
		ids[i], versions[i] = k.OrderID.String(), int64(k.Version)
	}
	var rows [][]byte
	err := l.db.allHot(ctx, p, &rows, `
		SELECT `+eventRecord+`
		FROM unnest($2::uuid[], $3::integer[]) AS k (order_id, version)
		JOIN order_events e ON e.order_id = k.order_id AND e.version = k.version
		JOIN orders o ON o.id = e.order_id
		WHERE `+visibleTo,
		viewerArg(p), ids, versions)
	if err != nil {
		return nil, err
	}
	events := make(map[event.Key]*order.Event, len(rows))
	shared := heads{}
	for i := range rows {
		e, err := readEvent(rows[i], shared)
		if err != nil {
			return nil, err
		}
		events[event.Key{OrderID: e.OrderID(), Version: e.Version}] = &e
	}
	return events, nil
}
