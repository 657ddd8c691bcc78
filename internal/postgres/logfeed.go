package postgres

import (
	"context"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
)

// feedPageRow is a row of FeedPage; all but the first are null when nothing follows.
type feedPageRow struct {
	First    int64     `db:"first"`
	Position *int64    `db:"position"`
	Mark     int64     `db:"mark"`
	OrderID  *id.Order `db:"order_id"`
	Version  *int      `db:"version"`
}

func (r *feedPageRow) place() event.Place {
	return event.Place{Position: *r.Position, Mark: event.Mark(r.Mark)}
}

// FeedPage implements event.Log. A customer gets their own rows whatever scope says. The rows are read first and
// their events then, which never change but may leave in between.
func (l *Log) FeedPage(ctx context.Context, p auth.Principal, scope event.Scope, after int64, limit int) (event.FeedPage, error) {
	owner := viewerArg(p)
	if owner == nil && scope.Valid {
		owner = &scope.ID
	}
	// Two texts, not one with OR, so that each has the plan of its index.
	condition, args := ``, []any{after, limit}
	if owner != nil {
		condition, args = `AND customer_id = $3`, append(args, *owner)
	}
	var rows []feedPageRow
	err := l.db.all(ctx, p, &rows, `
		SELECT `+feedFirst+` AS first, f.position, coalesce(f.mark, 0) AS mark, f.order_id, f.version
		FROM event_log l
		LEFT JOIN (
			SELECT position, mark, order_id, version FROM feed
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
	page.Through, page.More = rows[len(rows)-1].place(), len(rows) == limit
	for i, r := range rows {
		if e := events[keys[i]]; e != nil {
			page.Items = append(page.Items, event.FeedItem{Place: r.place(), Event: e})
		} else {
			page.First = *r.Position + 1
		}
	}
	return page, nil
}

// feedFirst is the first position that the feed holds, or the next to be given when it holds none. Of the feed itself a
// customer sees only some.
const feedFirst = `(SELECT min(first_position) FROM feed_partitions)`

// feedTailRow is a row of FeedTail; all but the end of the log are null when nothing follows.
type feedTailRow struct {
	logEnd
	Position   *int64       `db:"position"`
	RowMark    int64        `db:"row_mark"`
	OrderID    *id.Order    `db:"order_id"`
	Version    *int         `db:"version"`
	CustomerID *id.Customer `db:"customer_id"`
}

// FeedTail implements event.Log.
func (l *Log) FeedTail(ctx context.Context, p auth.Principal, after int64, limit int) (event.FeedTail, error) {
	var rows []feedTailRow
	// The values are sub-selects, so that the plan does not depend on them, and is made once.
	err := l.db.allHot(ctx, p, &rows, `
		SELECT `+logEndAt(`$2`)+`, f.position, coalesce(f.mark, 0) AS row_mark, f.order_id, f.version, f.customer_id
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
		tail.Epoch, tail.Last, tail.At, tail.Instance = r.Epoch, r.last(), event.Mark(r.At), r.Instance
		if r.Position != nil {
			tail.Rows = append(tail.Rows, event.FeedRow{
				Place: event.Place{Position: *r.Position, Mark: event.Mark(r.RowMark)},
				Key:   event.Key{OrderID: *r.OrderID, Version: *r.Version}, CustomerID: *r.CustomerID,
			})
		}
	}
	return tail, nil
}
