package postgres

import (
	"context"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
)

// feedPageRow is a row of FeedPage; all but the first are null when nothing follows.
type feedPageRow struct {
	First    int64      `db:"first"`
	Position *int64     `db:"position"`
	OrderID  *uuid.UUID `db:"order_id"`
	Version  *int       `db:"version"`
}

// FeedPage implements event.Log. A customer gets their own rows whatever customerID says. The rows are read first and
// their events then, which never change but may leave in between.
func (l *Log) FeedPage(ctx context.Context, p auth.Principal, customerID uuid.UUID, after int64, limit int) (event.FeedPage, error) {
	owner := viewerArg(p)
	if owner == nil && customerID != uuid.Nil {
		owner = &customerID
	}
	// Two texts, not one with OR, so that each has the plan of its index.
	condition, args := ``, []any{after, limit}
	if owner != nil {
		condition, args = `AND customer_id = $3`, append(args, *owner)
	}
	var rows []feedPageRow
	err := l.db.all(ctx, p, &rows, `
		SELECT `+feedFirst+` AS first, f.position, f.order_id, f.version
		FROM event_log l
		LEFT JOIN (
			SELECT position, order_id, version FROM feed
			WHERE position > $1 `+condition+` ORDER BY position LIMIT $2
		) f ON true
		ORDER BY f.position`, args...)
	if err != nil || len(rows) == 0 {
		return event.FeedPage{}, err
	}
	page := event.FeedPage{First: rows[0].First}
	if rows[0].Position == nil {
		return page, nil
	}
	keys := make([]event.Key, len(rows))
	for i, r := range rows {
		keys[i] = event.Key{OrderID: *r.OrderID, Version: *r.Version}
	}
	events, err := l.EventsAt(ctx, p, keys)
	if err != nil {
		return event.FeedPage{}, err
	}
	page.Through, page.More = *rows[len(rows)-1].Position, len(rows) == limit
	for i, r := range rows {
		if e := events[keys[i]]; e != nil {
			page.Items = append(page.Items, event.FeedItem{Position: *r.Position, Event: e})
		} else {
			page.First = *r.Position + 1
		}
	}
	return page, nil
}

// feedFirst is the first position that the feed holds, or the next to be given when it holds none. Of the feed itself a
// customer sees only some.
const feedFirst = `(SELECT min(first_position) FROM feed_partitions)`

// feedTailRow is a row of FeedTail; all but the first two are null when nothing follows.
type feedTailRow struct {
	Epoch      int        `db:"epoch"`
	Last       int64      `db:"last"`
	Position   *int64     `db:"position"`
	OrderID    *uuid.UUID `db:"order_id"`
	Version    *int       `db:"version"`
	CustomerID *uuid.UUID `db:"customer_id"`
}

// FeedTail implements event.Log.
func (l *Log) FeedTail(ctx context.Context, p auth.Principal, after int64, limit int) (event.FeedTail, error) {
	var rows []feedTailRow
	// The values are sub-selects, so that the plan does not depend on them, and is made once.
	err := l.db.allHot(ctx, p, &rows, `
		SELECT l.epoch, l.position AS last, f.position, f.order_id, f.version, f.customer_id
		FROM event_log l
		LEFT JOIN (
			SELECT * FROM feed o WHERE `+visibleTo+` AND position > (SELECT $2::bigint) ORDER BY position LIMIT (SELECT $3::bigint)
		) f ON true
		ORDER BY f.position`, viewerArg(p), after, limit)
	if err != nil {
		return event.FeedTail{}, err
	}
	tail := event.FeedTail{}
	for i := range rows {
		r := &rows[i]
		tail.Epoch, tail.Last = r.Epoch, r.Last
		if r.Position != nil {
			tail.Rows = append(tail.Rows, event.FeedRow{
				Position: *r.Position, Key: event.Key{OrderID: *r.OrderID, Version: *r.Version}, CustomerID: *r.CustomerID,
			})
		}
	}
	return tail, nil
}
