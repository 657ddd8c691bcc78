package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/page"
	"github.com/orderwire/orderwire/internal/webhook"
)

// Webhooks keeps endpoints of webhooks and the deliveries to them. It implements webhook.Store, webhook.Outbox and
// webhook.Queue.
type Webhooks struct{ db *sqlx.DB }

var (
	_ webhook.Store  = (*Webhooks)(nil)
	_ webhook.Outbox = (*Webhooks)(nil)
	_ webhook.Queue  = (*Webhooks)(nil)
)

// NewWebhooks returns the webhooks of a database.
func NewWebhooks(db *sqlx.DB) *Webhooks { return &Webhooks{db: db} }

// endpointColumns are an endpoint, for a SELECT from "webhook_endpoints e" into an endpointRow.
const endpointColumns = `e.id AS endpoint_id, e.url, e.event_types, e.description, e.enabled, e.disabled_reason,
	e.from_position, e.created_at AS endpoint_created_at`

type endpointRow struct {
	ID             uuid.UUID      `db:"endpoint_id"`
	URL            string         `db:"url"`
	EventTypes     pq.StringArray `db:"event_types"`
	Description    *string        `db:"description"`
	Enabled        bool           `db:"enabled"`
	DisabledReason *string        `db:"disabled_reason"`
	FromPosition   int64          `db:"from_position"`
	CreatedAt      time.Time      `db:"endpoint_created_at"`
}

func (r *endpointRow) endpoint() *webhook.Endpoint {
	types := make([]order.EventType, len(r.EventTypes))
	for i, t := range r.EventTypes {
		types[i] = order.EventType(t)
	}
	return &webhook.Endpoint{
		ID: r.ID, URL: r.URL, EventTypes: types, Description: r.Description, Enabled: r.Enabled,
		DisabledReason: r.DisabledReason, FromPosition: r.FromPosition, CreatedAt: r.CreatedAt.UTC(),
	}
}

// errNoEndpoint and errNoDelivery are what the service turns into user errors.
var (
	errNoEndpoint = fault.New(fault.NotFound, "There is no such endpoint.")
	errNoDelivery = fault.New(fault.NotFound, "There is no such delivery.")
)

// CreateEndpoint implements webhook.Store. The table's lock makes two that create at once see each other; those who only
// read, or add deliveries, do not wait for it.
func (w *Webhooks) CreateEndpoint(
	ctx context.Context, p auth.Principal, e *webhook.Endpoint, secret webhook.Secret, limit int,
) (made *webhook.Endpoint, created bool, err error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, false, err
	}
	tx, err := w.db.BeginTxx(ctx, nil)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if _, err := tx.ExecContext(ctx, `LOCK TABLE webhook_endpoints IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return nil, false, err
	}
	var row endpointRow
	err = tx.GetContext(ctx, &row, `
		SELECT `+endpointColumns+` FROM webhook_endpoints e
		WHERE enabled AND url = $1 AND event_types = $2::text[] AND description IS NOT DISTINCT FROM $3
		ORDER BY id LIMIT 1`, e.URL, stringsOf(e.EventTypes), e.Description)
	if err == nil {
		return row.endpoint(), false, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, false, err
	}
	err = tx.GetContext(ctx, &row, `
		INSERT INTO webhook_endpoints AS e (id, url, event_types, description, created_at, from_position)
		SELECT $1::uuid, $2::text, $3::text[], $4::text, $5::timestamptz, l.position FROM event_log l
		WHERE (SELECT count(*) FROM webhook_endpoints) < $6
		RETURNING `+endpointColumns, e.ID, e.URL, stringsOf(e.EventTypes), e.Description, e.CreatedAt, limit)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, webhook.ErrTooMany
	}
	if err != nil {
		return nil, false, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO webhook_secrets (id, endpoint_id, secret) VALUES ($1, $2, $3)`,
		id.New(), e.ID, []byte(secret))
	if err != nil {
		return nil, false, err
	}
	return row.endpoint(), true, tx.Commit()
}

// UpdateEndpoint implements webhook.Store. Run twice it changes nothing more.
func (w *Webhooks) UpdateEndpoint(ctx context.Context, p auth.Principal, endpointID uuid.UUID, c webhook.Change) (*webhook.Endpoint, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	var types any
	if c.EventTypes != nil {
		types = stringsOf(*c.EventTypes)
	}
	return w.changed(w.db.QueryRowxContext(ctx, `
		UPDATE webhook_endpoints e SET
			url = coalesce($2::text, url),
			event_types = coalesce($3::text[], event_types),
			description = CASE WHEN $4::text IS NULL THEN description ELSE nullif($4::text, '') END,
			enabled = coalesce($5::boolean, enabled),
			disabled_reason = CASE WHEN $5::boolean THEN NULL ELSE disabled_reason END,
			-- What happened while it was disabled is not for it.
			from_position = CASE WHEN $5::boolean AND NOT enabled THEN (SELECT position FROM event_log) ELSE from_position END
		WHERE id = $1
		RETURNING `+endpointColumns, endpointID, c.URL, types, c.Description, c.Enabled))
}

func (w *Webhooks) changed(result *sqlx.Row) (*webhook.Endpoint, error) {
	var row endpointRow
	err := result.StructScan(&row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNoEndpoint
	}
	if err != nil {
		return nil, err
	}
	return row.endpoint(), nil
}

// secretsKept bounds how many secrets an endpoint has, and so how long the header of signatures gets.
const secretsKept = 5

// RotateSecret implements webhook.Store. Secrets that an earlier rotation replaced keep their own end, so that rotating
// again, because an answer was lost, takes nothing from a receiver that still has the first.
func (w *Webhooks) RotateSecret(
	ctx context.Context, p auth.Principal, endpointID uuid.UUID, secret webhook.Secret, now, oldUntil time.Time,
) (*webhook.Endpoint, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	tx, err := w.db.BeginTxx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	// The row's lock makes rotations follow each other.
	e, err := w.changed(tx.QueryRowxContext(ctx, `SELECT `+endpointColumns+` FROM webhook_endpoints e WHERE id = $1 FOR NO KEY UPDATE`, endpointID))
	if err != nil {
		return nil, err
	}
	for _, s := range []struct {
		statement string
		args      []any
	}{
		{`UPDATE webhook_secrets SET expires_at = $2 WHERE endpoint_id = $1 AND expires_at IS NULL`, []any{endpointID, oldUntil}},
		{`DELETE FROM webhook_secrets WHERE endpoint_id = $1 AND (expires_at <= $2 OR id NOT IN (
			SELECT id FROM webhook_secrets WHERE endpoint_id = $1 ORDER BY id DESC LIMIT $3))`, []any{endpointID, now, secretsKept - 1}},
		{`INSERT INTO webhook_secrets (id, endpoint_id, secret) VALUES ($1, $2, $3)`, []any{id.New(), endpointID, []byte(secret)}},
	} {
		if _, err := tx.ExecContext(ctx, s.statement, s.args...); err != nil {
			return nil, err
		}
	}
	return e, tx.Commit()
}

// Endpoints implements webhook.Store.
func (w *Webhooks) Endpoints(ctx context.Context, p auth.Principal, r page.Request) (page.Result[*webhook.Endpoint], error) {
	if err := auth.RequireStaff(p); err != nil {
		return page.Result[*webhook.Endpoint]{}, err
	}
	var q query
	newestFirst(&q, "e.id", r)
	endpoints, err := w.endpoints(ctx, q.where()+fmt.Sprintf(` ORDER BY e.id DESC LIMIT %d`, r.Limit+1), q.args...)
	if err != nil {
		return page.Result[*webhook.Endpoint]{}, err
	}
	return page.Cut(r, endpoints), nil
}

// EndpointsByID implements webhook.Store.
func (w *Webhooks) EndpointsByID(ctx context.Context, p auth.Principal, ids []uuid.UUID) (map[uuid.UUID]*webhook.Endpoint, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	endpoints, err := w.endpoints(ctx, `e.id = ANY($1::uuid[])`, uuidStrings(ids))
	found := make(map[uuid.UUID]*webhook.Endpoint, len(endpoints))
	for _, e := range endpoints {
		found[e.ID] = e
	}
	return found, err
}

// EnabledEndpoints implements webhook.Outbox.
func (w *Webhooks) EnabledEndpoints(ctx context.Context) ([]*webhook.Endpoint, error) {
	return w.endpoints(ctx, `e.enabled`)
}

func (w *Webhooks) endpoints(ctx context.Context, condition string, args ...any) ([]*webhook.Endpoint, error) {
	var rows []endpointRow
	err := w.db.SelectContext(ctx, &rows, `SELECT `+endpointColumns+` FROM webhook_endpoints e WHERE `+condition, args...)
	if err != nil {
		return nil, err
	}
	endpoints := make([]*webhook.Endpoint, len(rows))
	for i := range rows {
		endpoints[i] = rows[i].endpoint()
	}
	return endpoints, nil
}

// newestFirst bounds a list that is read by descending id and only forward.
func newestFirst(q *query, column string, r page.Request) {
	if r.After != uuid.Nil {
		q.and(column+` < ?`, r.After)
	}
}
