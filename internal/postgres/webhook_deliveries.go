package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/webhook"
)

// deliveryColumns are a delivery with its endpoint, for a SELECT from "webhook_deliveries d" and "webhook_endpoints e" into
// a deliveryRow.
const deliveryColumns = endpointColumns + `, d.id AS delivery_id, d.event_id, d.event_type, d.status, d.attempts,
	d.response_status, d.next_attempt_at, d.last_attempt_at, d.created_at AS delivery_created_at`

type deliveryRow struct {
	endpointRow
	DeliveryID        id.Delivery     `db:"delivery_id"`
	EventID           id.Event        `db:"event_id"`
	EventType         order.EventType `db:"event_type"`
	Status            webhook.Status  `db:"status"`
	Attempts          int             `db:"attempts"`
	ResponseStatus    *int            `db:"response_status"`
	NextAttemptAt     *time.Time      `db:"next_attempt_at"`
	LastAttemptAt     *time.Time      `db:"last_attempt_at"`
	DeliveryCreatedAt time.Time       `db:"delivery_created_at"`
}

func (r *deliveryRow) delivery() *webhook.Delivery {
	return &webhook.Delivery{
		ID: r.DeliveryID, Endpoint: r.endpoint(), EventID: r.EventID, EventType: r.EventType, Status: r.Status,
		Attempts: r.Attempts, ResponseStatus: r.ResponseStatus,
		NextAttemptAt: utc(r.NextAttemptAt), LastAttemptAt: utc(r.LastAttemptAt), CreatedAt: r.DeliveryCreatedAt.UTC(),
	}
}

// Deliveries implements webhook.Store.
func (w *Webhooks) Deliveries(
	ctx context.Context, p auth.Principal, f webhook.Filter, r pagination.Request,
) (pagination.Result[*webhook.Delivery], error) {
	if err := auth.RequireStaff(p); err != nil {
		return pagination.Result[*webhook.Delivery]{}, err
	}
	var q query
	from := `webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id`
	if f.EndpointID.Valid || f.Status != "" {
		from = ofEachEndpoint(&q, f, r)
	} else {
		newestFirst(&q, "d.id", r)
		// Passes over those of a deleted endpoint until housekeeping deletes them. A sub-select, since a condition on e would have the planner
		// begin with the endpoints, and sort all deliveries of each.
		q.and(`(SELECT x.deleted_at IS NULL FROM webhook_endpoints x WHERE x.id = d.endpoint_id)`)
	}
	deliveries, err := w.deliveries(ctx, p, from, q.where()+fmt.Sprintf(` ORDER BY d.id DESC LIMIT %d`, r.Limit+1), q.args...)
	if err != nil {
		return pagination.Result[*webhook.Delivery]{}, err
	}
	return pagination.Cut(r, deliveries), nil
}

// DeliveriesByID implements webhook.Store.
func (w *Webhooks) DeliveriesByID(ctx context.Context, p auth.Principal, ids []id.Delivery) (map[id.Delivery]*webhook.Delivery, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	deliveries, err := w.deliveries(ctx, p, `webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id`, `d.id = ANY($1::uuid[]) AND e.deleted_at IS NULL`, uuidArray(ids))
	found := make(map[id.Delivery]*webhook.Delivery, len(deliveries))
	for _, d := range deliveries {
		found[d.ID] = d
	}
	return found, err
}

// ofEachEndpoint returns a FROM that reads one page of deliveries per endpoint: an index serves it, with a status or without, and
// there are few endpoints. So those of a deleted endpoint, which may be many, are not read. The bounds are compared as rows: with an
// equality and ORDER BY id the planner might walk the key past all others' deliveries, or past those of another status, if it
// expects many matches.
func ofEachEndpoint(q *query, f webhook.Filter, r pagination.Request) string {
	q.and(`e.deleted_at IS NULL`)
	if f.EndpointID.Valid {
		q.and(`e.id = ?`, f.EndpointID.ID)
	}
	columns, values := "d.endpoint_id", "e.id"
	if f.Status != "" {
		columns, values = columns+", d.status", values+", "+q.with("?::text", string(f.Status))
	}
	operator, end := "<=", uuid.Max
	if r.After.Valid {
		operator, end = "<", r.After.ID
	}
	return fmt.Sprintf(`webhook_endpoints e CROSS JOIN LATERAL (
			SELECT d.* FROM webhook_deliveries d WHERE (%[1]s, d.id) >= (%[2]s, %[3]s) AND (%[1]s, d.id) %[4]s (%[2]s, %[7]s)
			ORDER BY %[5]s DESC, d.id DESC LIMIT %[6]d
		) d`, columns, values, q.with("?::uuid", uuid.Nil), operator, strings.ReplaceAll(columns, ",", " DESC,"), r.Limit+1, q.with("?::uuid", end))
}

func (w *Webhooks) deliveries(ctx context.Context, p auth.Principal, from, condition string, args ...any) ([]*webhook.Delivery, error) {
	var rows []deliveryRow
	err := w.db.all(ctx, p, &rows, `SELECT `+deliveryColumns+` FROM `+from+` WHERE `+condition, args...)
	if err != nil {
		return nil, err
	}
	deliveries := make([]*webhook.Delivery, len(rows))
	for i := range rows {
		deliveries[i] = rows[i].delivery()
	}
	return deliveries, nil
}

// Redeliver implements webhook.Store. One that is being sent at this moment is left to that attempt.
func (w *Webhooks) Redeliver(
	ctx context.Context, p auth.Principal, deliveryID id.Delivery, now time.Time, entry *audit.Entry,
) (*webhook.Delivery, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	var row deliveryRow
	err := w.db.tx(ctx, p, func(tx *sqlx.Tx) error {
		err := tx.GetContext(ctx, &row, `
			UPDATE webhook_deliveries d SET status = 'PENDING', next_attempt_at = $2, attempts_before = d.attempts
			FROM webhook_endpoints e WHERE d.id = $1 AND e.id = d.endpoint_id AND e.deleted_at IS NULL
			RETURNING `+deliveryColumns, deliveryID, now)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoDelivery
		}
		return errors.Join(err, addAudit(ctx, tx, entry))
	})
	if err != nil {
		return nil, err
	}
	return row.delivery(), nil
}
