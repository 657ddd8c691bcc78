package postgres

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/groupcommit"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// Log reads the event log. It implements event.Log. Each method is one statement, and so one snapshot.
type Log struct {
	db guarded
	// orders that are asked for at the same time are one statement: see readOrderStates.
	orders *groupcommit.Group[orderCall, event.OrderState]
}

// NewLog returns the log of a database.
func NewLog(db *sqlx.DB) *Log {
	l := &Log{db: newGuarded(db)}
	l.orders = groupcommit.New(orderReaders, maxBatch, l.readOrderStates)
	return l
}

// Extent implements event.Log.
func (l *Log) Extent(ctx context.Context, at int64) (event.Extent, error) {
	var row struct {
		logEnd
		First int64 `db:"first"`
	}
	err := l.db.get(ctx, auth.System, &row, `SELECT `+logEndAt(`$1`)+`, `+feedFirst+` AS first FROM event_log l`, at)
	return event.Extent{Epoch: row.Epoch, First: row.First, Last: row.last(), At: event.Mark(row.At), Instance: row.Instance}, err
}

// logEnd is the log's identity and end.
type logEnd struct {
	Epoch    int64  `db:"epoch"`
	Last     int64  `db:"last"`
	Mark     int64  `db:"mark"`
	At       int64  `db:"at"`
	Instance string `db:"instance"`
}

func (e *logEnd) last() event.Place { return event.Place{Position: e.Last, Mark: event.Mark(e.Mark)} }

// logEndAt reads the log's end and the log mark of one position. The position just before the oldest feed row has a mark too
// (feed_partitions.mark_before); positions assigned by versions without marks have 0.
//
// Instance changes when PostgreSQL restarts, so a running server notices that its database was replaced.
func logEndAt(position string) string {
	return `l.identity AS epoch, l.position AS last, l.mark,
		CASE WHEN l.position = ` + position + `::bigint THEN l.mark ELSE coalesce(
			(SELECT f.mark FROM feed f WHERE f.position = (SELECT ` + position + `::bigint)),
			(SELECT p.mark_before FROM feed_partitions p WHERE p.first_position = ` + position + `::bigint + 1), 0) END AS at,
		concat_ws('/', current_database(), 'event_log'::regclass::oid, extract(epoch FROM pg_postmaster_start_time())) AS instance`
}

// Order implements event.Log.
func (l *Log) Order(ctx context.Context, p auth.Principal, orderID id.Order, has int) (event.OrderState, error) {
	return l.orders.Do(ctx, orderCall{principal: p, orderID: orderID, has: has})
}

var eventsSQL = `
	SELECT ` + eventRecord + `
	FROM order_events e JOIN orders o ON o.id = e.order_id
	WHERE ` + visibleTo + ` AND e.order_id = $2 AND e.version > $3
	ORDER BY e.version LIMIT $4`

// Events implements event.Log.
func (l *Log) Events(ctx context.Context, p auth.Principal, orderID id.Order, after, limit int) ([]order.Event, error) {
	var rows [][]byte
	err := l.db.allHot(ctx, p, &rows, eventsSQL,
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

// OFFSET 0 leaves the planner one way, by the keys. A join it also answers by reading a whole index, which is cheaper while the tables
// are empty, and a connection keeps its plan. The other statements of the hot path do the same; TestReadsByIndex looks.
var eventsAtSQL = `
	SELECT ` + eventRecord + `
	FROM unnest($2::uuid[], $3::integer[]) AS k (order_id, version)
	CROSS JOIN LATERAL (SELECT * FROM order_events WHERE order_id = k.order_id AND version = k.version OFFSET 0) e
	CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = k.order_id OFFSET 0) o
	WHERE ` + visibleTo

// EventsAt implements event.Log.
func (l *Log) EventsAt(ctx context.Context, p auth.Principal, keys []event.Key) (map[event.Key]*order.Event, error) {
	ids, versions := make(pq.StringArray, len(keys)), make(pq.Int64Array, len(keys))
	for i, k := range keys {
		ids[i], versions[i] = k.OrderID.String(), int64(k.Version)
	}
	var rows [][]byte
	err := l.db.allHot(ctx, p, &rows, eventsAtSQL,
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
