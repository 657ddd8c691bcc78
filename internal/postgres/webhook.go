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

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/webhook"
)

// Webhooks keeps endpoints of webhooks and the deliveries to them. It implements webhook.Store, webhook.Outbox and
// webhook.Queue.
type Webhooks struct{ db guarded }

var (
	_ webhook.Store  = (*Webhooks)(nil)
	_ webhook.Outbox = (*Webhooks)(nil)
	_ webhook.Queue  = (*Webhooks)(nil)
)

// NewWebhooks returns the webhooks of a database.
func NewWebhooks(db *sqlx.DB) *Webhooks { return &Webhooks{db: newGuarded(db)} }

// endpointColumns has the columns of an endpoint, for a SELECT from "webhook_endpoints e" into an endpointRow.
const endpointColumns = `e.id AS endpoint_id, e.url, e.event_types, e.description, e.enabled, e.disabled_reason,
	e.disabled_at, e.failing_since, e.paused_until, (SELECT to_jsonb(r) FROM webhook_replays r WHERE r.endpoint_id = e.id) AS replay, e.from_position, e.created_at AS endpoint_created_at`

type endpointRow struct {
	ID             id.Endpoint    `db:"endpoint_id"`
	URL            string         `db:"url"`
	EventTypes     pq.StringArray `db:"event_types"`
	Description    *string        `db:"description"`
	Enabled        bool           `db:"enabled"`
	DisabledReason *string        `db:"disabled_reason"`
	DisabledAt     *time.Time     `db:"disabled_at"`
	FailingSince   *time.Time     `db:"failing_since"`
	PausedUntil    *time.Time     `db:"paused_until"`
	Replay         replayRow      `db:"replay"`
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
		DisabledReason: r.DisabledReason, DisabledAt: utc(r.DisabledAt), FailingSince: utc(r.FailingSince), PausedUntil: utc(r.PausedUntil),
		Replay: r.Replay.Replay, FromPosition: r.FromPosition, CreatedAt: r.CreatedAt.UTC(),
	}
}

// errNoEndpoint and errNoDelivery become user errors in the service.
var (
	errNoEndpoint = fault.New(fault.NotFound, "There is no such endpoint.")
	errNoDelivery = fault.New(fault.NotFound, "There is no such delivery.")
)

// CreateEndpoint implements webhook.Store. The table's lock makes two that create at once see each other; those who only
// read, or add deliveries, do not wait for it.
func (w *Webhooks) CreateEndpoint(
	ctx context.Context, p auth.Principal, e *webhook.Endpoint, secret webhook.Secret, limit int, entry *audit.Entry,
) (made *webhook.Endpoint, created bool, err error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, false, err
	}
	err = w.db.tx(ctx, p, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `LOCK TABLE webhook_endpoints IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		var row endpointRow
		err := tx.GetContext(ctx, &row, `
			SELECT `+endpointColumns+` FROM webhook_endpoints e
			WHERE enabled AND url = $1 AND event_types = $2::text[] AND description IS NOT DISTINCT FROM $3
			ORDER BY id LIMIT 1`, e.URL, stringsOf(e.EventTypes), e.Description)
		if !errors.Is(err, sql.ErrNoRows) {
			made = row.endpoint()
			return err
		}
		err = tx.GetContext(ctx, &row, `
			INSERT INTO webhook_endpoints AS e (id, url, event_types, description, created_at, from_position)
			SELECT $1::uuid, $2::text, $3::text[], $4::text, $5::timestamptz, l.position FROM event_log l
			WHERE (SELECT count(*) FROM webhook_endpoints WHERE deleted_at IS NULL) < $6
			RETURNING `+endpointColumns, e.ID, e.URL, stringsOf(e.EventTypes), e.Description, e.CreatedAt, limit)
		if errors.Is(err, sql.ErrNoRows) {
			return webhook.ErrTooMany
		}
		if err != nil {
			return err
		}
		made, created = row.endpoint(), true
		return errors.Join(addSecret(ctx, tx, e.ID, secret), addAudit(ctx, tx, entry))
	})
	if err != nil {
		return nil, false, err
	}
	return made, created, nil
}

// UpdateEndpoint implements webhook.Store.
func (w *Webhooks) UpdateEndpoint(
	ctx context.Context, p auth.Principal, endpointID id.Endpoint, change func(*webhook.Endpoint) *audit.Entry,
) (*webhook.Endpoint, error) {
	return w.changeEndpoint(ctx, p, endpointID, func(tx *sqlx.Tx, e *webhook.Endpoint) (*audit.Entry, error) {
		was := *e
		entry := change(e)
		if entry == nil {
			*e = was
			return nil, nil
		}
		if e.Enabled && !was.Enabled || e.URL != was.URL {
			e.FailingSince, e.PausedUntil = nil, nil // it starts again
		}
		if e.Enabled && !was.Enabled {
			// What happened while it was disabled is not for it.
			if err := tx.GetContext(ctx, &e.FromPosition, `SELECT position FROM event_log`); err != nil {
				return nil, err
			}
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE webhook_endpoints SET url = $2, event_types = $3::text[], description = $4, enabled = $5, disabled_reason = $6,
				disabled_at = $7, failing_since = $8, paused_until = $9, from_position = $10
			WHERE id = $1`,
			e.ID, e.URL, stringsOf(e.EventTypes), e.Description, e.Enabled, e.DisabledReason, e.DisabledAt, e.FailingSince, e.PausedUntil, e.FromPosition)
		return entry, err
	})
}

// secretsKept bounds how many secrets an endpoint has, and so how long the header of signatures gets.
const secretsKept = 5

// RotateSecret implements webhook.Store. Secrets that an earlier rotation replaced keep their own end, so that rotating
// again, because an answer was lost, takes nothing from a receiver that still has the first.
func (w *Webhooks) RotateSecret(
	ctx context.Context, p auth.Principal, endpointID id.Endpoint, secret webhook.Secret, now, oldUntil time.Time, entry *audit.Entry,
) (*webhook.Endpoint, error) {
	return w.changeEndpoint(ctx, p, endpointID, func(tx *sqlx.Tx, _ *webhook.Endpoint) (*audit.Entry, error) {
		if _, err := tx.ExecContext(ctx, `UPDATE webhook_secrets SET expires_at = $2 WHERE endpoint_id = $1 AND expires_at IS NULL`,
			endpointID, oldUntil); err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, `
			DELETE FROM webhook_secrets WHERE endpoint_id = $1 AND (expires_at <= $2 OR id NOT IN (
				SELECT id FROM webhook_secrets WHERE endpoint_id = $1 ORDER BY expires_at DESC, id DESC LIMIT $3))`,
			endpointID, now, secretsKept-1); err != nil {
			return nil, err
		}
		return entry, addSecret(ctx, tx, endpointID, secret)
	})
}

// changeEndpoint runs change with the endpoint's row locked, so that changes follow each other, and commits the audit entry
// that it returns with it.
func (w *Webhooks) changeEndpoint(
	ctx context.Context, p auth.Principal, endpointID id.Endpoint,
	change func(*sqlx.Tx, *webhook.Endpoint) (*audit.Entry, error),
) (changed *webhook.Endpoint, err error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	err = w.db.tx(ctx, p, func(tx *sqlx.Tx) error {
		var row endpointRow
		err := tx.GetContext(ctx, &row, `SELECT `+endpointColumns+` FROM webhook_endpoints e WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`, endpointID)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoEndpoint
		}
		if err != nil {
			return err
		}
		changed = row.endpoint()
		entry, err := change(tx, changed)
		if err != nil {
			return err
		}
		return addAudit(ctx, tx, entry)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

func addSecret(ctx context.Context, tx *sqlx.Tx, endpointID id.Endpoint, secret webhook.Secret) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO webhook_secrets (id, endpoint_id, secret) VALUES ($1, $2, $3)`,
		id.New[uuid.UUID](), endpointID, []byte(secret))
	return err
}

// inTx runs f in a transaction, and commits it unless f fails.
func inTx(ctx context.Context, db *sqlx.DB, f func(*sqlx.Tx) error) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Endpoints implements webhook.Store.
func (w *Webhooks) Endpoints(ctx context.Context, p auth.Principal, r pagination.Request) (pagination.Result[*webhook.Endpoint], error) {
	if err := auth.RequireStaff(p); err != nil {
		return pagination.Result[*webhook.Endpoint]{}, err
	}
	var q query
	q.and(`e.deleted_at IS NULL`)
	newestFirst(&q, "e.id", r)
	endpoints, err := w.endpoints(ctx, p, q.where()+fmt.Sprintf(` ORDER BY e.id DESC LIMIT %d`, r.Limit+1), q.args...)
	if err != nil {
		return pagination.Result[*webhook.Endpoint]{}, err
	}
	return pagination.Cut(r, endpoints), nil
}

// EndpointsByID implements webhook.Store.
func (w *Webhooks) EndpointsByID(ctx context.Context, p auth.Principal, ids []id.Endpoint) (map[id.Endpoint]*webhook.Endpoint, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	endpoints, err := w.endpoints(ctx, p, `e.id = ANY($1::uuid[]) AND e.deleted_at IS NULL`, uuidArray(ids))
	found := make(map[id.Endpoint]*webhook.Endpoint, len(endpoints))
	for _, e := range endpoints {
		found[e.ID] = e
	}
	return found, err
}

// EnabledEndpoints implements webhook.Outbox.
func (w *Webhooks) EnabledEndpoints(ctx context.Context) ([]*webhook.Endpoint, error) {
	return w.endpoints(ctx, auth.System, `e.enabled`)
}

func (w *Webhooks) endpoints(ctx context.Context, p auth.Principal, condition string, args ...any) ([]*webhook.Endpoint, error) {
	var rows []endpointRow
	err := w.db.all(ctx, p, &rows, `SELECT `+endpointColumns+` FROM webhook_endpoints e WHERE `+condition, args...)
	if err != nil {
		return nil, err
	}
	endpoints := make([]*webhook.Endpoint, len(rows))
	for i := range rows {
		endpoints[i] = rows[i].endpoint()
	}
	return endpoints, nil
}
