package postgres

import (
	"context"
	"fmt"
	"time"

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

// eventColumns are an event and the unchanging part of its order, for a SELECT from "order_events e" and "orders o"
// into an eventRow.
const eventColumns = headColumns + `, e.version AS event_version, e.id AS event_id, e.type AS event_type,
	e.actor_kind, e.actor_id, e.request_id, e.occurred_at, e.data, e.state`

// eventRow is an event as read by eventColumns.
type eventRow struct {
	headRow
	Version    int             `db:"event_version"`
	EventID    uuid.UUID       `db:"event_id"`
	Type       order.EventType `db:"event_type"`
	ActorKind  order.ActorKind `db:"actor_kind"`
	ActorID    *uuid.UUID      `db:"actor_id"`
	RequestID  string          `db:"request_id"`
	OccurredAt time.Time       `db:"occurred_at"`
	Data       []byte          `db:"data"`
	State      []byte          `db:"state"`
}

// heads has the heads already read, since all versions of an order share one.
type heads map[uuid.UUID]*order.Head

func (h heads) event(r *eventRow) (order.Event, error) {
	head := h[r.ID]
	if head == nil {
		var err error
		if head, err = r.head(); err != nil {
			return order.Event{}, err
		}
		h[r.ID] = head
	}
	e := order.Event{
		ID: r.EventID, Type: r.Type, Version: r.Version, Actor: order.Actor{Kind: r.ActorKind},
		RequestID: r.RequestID, At: r.OccurredAt.UTC(), Order: &order.Order{Head: head},
	}
	if r.ActorID != nil {
		e.Actor.ID = *r.ActorID
	}
	if err := decode(r.Data, &e.Data); err != nil {
		return order.Event{}, fmt.Errorf("data of event %s: %w", r.EventID, err)
	}
	if err := decode(r.State, &e.Order.State); err != nil {
		return order.Event{}, fmt.Errorf("state of event %s: %w", r.EventID, err)
	}
	return e, nil
}

// Events implements event.Log.
func (l *Log) Events(ctx context.Context, p auth.Principal, orderID uuid.UUID, after, limit int) ([]order.Event, error) {
	var rows []eventRow
	err := l.db.allHot(ctx, p, &rows, `
		SELECT `+eventColumns+`
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
		if events[i], err = shared.event(&rows[i]); err != nil {
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
	var rows []eventRow
	err := l.db.allHot(ctx, p, &rows, `
		SELECT `+eventColumns+`
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
		e, err := shared.event(&rows[i])
		if err != nil {
			return nil, err
		}
		events[event.Key{OrderID: rows[i].ID, Version: rows[i].Version}] = &e
	}
	return events, nil
}
