package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
)

// eventColumns are those of "order_events e" for an eventRow; together with headColumns of "orders o" they are a
// joinedEventRow.
const eventColumns = `e.id AS event_id, e.version, e.type, e.actor_kind, e.actor_id, e.request_id, e.occurred_at, e.data, e.state`

// eventRow is an order.Event as stored, without its order's head.
type eventRow struct {
	EventID    uuid.UUID       `db:"event_id"`
	Version    int             `db:"version"`
	Type       order.EventType `db:"type"`
	ActorKind  order.ActorKind `db:"actor_kind"`
	ActorID    *uuid.UUID      `db:"actor_id"`
	RequestID  string          `db:"request_id"`
	OccurredAt time.Time       `db:"occurred_at"`
	Data       []byte          `db:"data"`
	State      []byte          `db:"state"`
}

// joinedEventRow is an event with its order's head, which never changes.
type joinedEventRow struct {
	headRow
	eventRow
}

func (r *joinedEventRow) event() (order.Event, error) {
	head, err := r.head()
	if err != nil {
		return order.Event{}, err
	}
	e := order.Event{
		ID: r.EventID, Type: r.Type, Version: r.Version, RequestID: r.RequestID, At: r.OccurredAt.UTC(),
		Actor: order.Actor{Kind: r.ActorKind},
		Order: &order.Order{Head: head},
	}
	if r.ActorID != nil {
		e.Actor.ID = *r.ActorID
	}
	if err := json.Unmarshal(r.Data, &e.Data); err != nil {
		return order.Event{}, fmt.Errorf("data of event %s: %w", e.ID, err)
	}
	if err := json.Unmarshal(r.State, &e.Order.State); err != nil {
		return order.Event{}, fmt.Errorf("state of event %s: %w", e.ID, err)
	}
	return e, nil
}

// EventPages implements order.Store: all pages in one statement.
func (s *Store) EventPages(ctx context.Context, p auth.Principal, requests []order.EventPageRequest) (map[order.EventPageRequest][]order.Event, error) {
	ids := make([]uuid.UUID, len(requests))
	after, limits := make(pq.Int64Array, len(requests)), make(pq.Int64Array, len(requests))
	for i, r := range requests {
		ids[i], after[i], limits[i] = r.OrderID, int64(r.After), int64(r.Limit)
	}
	var rows []struct {
		joinedEventRow
		Request int `db:"request"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT r.n - 1 AS request, `+headColumns+`, `+eventColumns+`
		FROM unnest($2::uuid[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS r (order_id, after, size, n)
		JOIN orders o ON o.id = r.order_id
		CROSS JOIN LATERAL (
			SELECT * FROM order_events WHERE order_id = r.order_id AND version > r.after ORDER BY version LIMIT r.size
		) e
		WHERE `+visibleTo+`
		ORDER BY r.n, e.version`,
		viewerArg(p), uuidStrings(ids), after, limits)
	if err != nil {
		return nil, err
	}
	pages := make(map[order.EventPageRequest][]order.Event, len(requests))
	for i := range rows {
		e, err := rows[i].event()
		if err != nil {
			return nil, err
		}
		request := requests[rows[i].Request]
		pages[request] = append(pages[request], e)
	}
	return pages, nil
}
