package postgres

import (
	"context"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// The values are sub-selects, so that the plan does not depend on them and is made once.
var eventPagesSQL = `
	SELECT r.n - 1 AS request, ` + pastRecord + ` AS event
	FROM unnest((SELECT $2::uuid[]), (SELECT $3::bigint[]), (SELECT $4::bigint[])) WITH ORDINALITY AS r (order_id, after, size, n)
	CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = r.order_id OFFSET 0) o
	CROSS JOIN LATERAL (
		SELECT * FROM order_events WHERE order_id = r.order_id AND version > r.after ORDER BY version LIMIT r.size
	) e
	WHERE ` + visibleTo + `
	ORDER BY r.n, e.version`

// EventPages implements order.Store: all pages in one statement. The events have no state.
func (s *Store) EventPages(ctx context.Context, p auth.Principal, requests []order.EventPageRequest) (map[order.EventPageRequest][]order.Event, error) {
	ids := make([]id.Order, len(requests))
	after, limits := make([]int, len(requests)), make([]int, len(requests))
	for i, r := range requests {
		ids[i], after[i], limits[i] = r.OrderID, r.After, r.Limit
	}
	var rows []struct {
		Request int    `db:"request"`
		Event   []byte `db:"event"`
	}
	err := s.db.allHot(ctx, p, &rows, eventPagesSQL,
		viewerArg(p), uuidArray(ids), intArray(after), intArray(limits))
	if err != nil {
		return nil, err
	}
	pages := make(map[order.EventPageRequest][]order.Event, len(requests))
	for i := range rows {
		e, err := readPast(rows[i].Event)
		if err != nil {
			return nil, err
		}
		request := requests[rows[i].Request]
		pages[request] = append(pages[request], e)
	}
	return pages, nil
}
