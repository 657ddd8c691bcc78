package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/webhook"
)

// DeleteEndpoint implements webhook.Store. The row stays, because there may be any number of deliveries that point to it; they are
// deleted in parts by PruneDeleted. Nothing that staff wrote stays in it.
func (w *Webhooks) DeleteEndpoint(ctx context.Context, p auth.Principal, endpointID id.Endpoint, now time.Time, entry *audit.Entry) error {
	if err := auth.RequireStaff(p); err != nil {
		return err
	}
	return w.db.tx(ctx, p, func(tx *sqlx.Tx) error {
		var deleted bool
		err := tx.GetContext(ctx, &deleted, `SELECT deleted_at IS NOT NULL FROM webhook_endpoints WHERE id = $1 FOR NO KEY UPDATE`, endpointID)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoEndpoint
		}
		if err != nil || deleted {
			return err
		}
		for _, statement := range []string{
			`DELETE FROM webhook_secrets WHERE endpoint_id = $1`,
			`DELETE FROM webhook_replays WHERE endpoint_id = $1`,
		} {
			if _, err := tx.ExecContext(ctx, statement, endpointID); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE webhook_endpoints SET enabled = false, url = 'deleted', description = NULL, disabled_reason = NULL, deleted_at = $2 WHERE id = $1`,
			endpointID, now); err != nil {
			return err
		}
		return addAudit(ctx, tx, entry)
	})
}

// PruneDeleted implements webhook.Queue.
func (w *Webhooks) PruneDeleted(ctx context.Context, before time.Time, limit int) (deleted int, err error) {
	result, err := w.db.db.ExecContext(ctx, `
		DELETE FROM webhook_deliveries WHERE id = ANY (ARRAY(
			SELECT d.id FROM webhook_endpoints e CROSS JOIN LATERAL (
				SELECT d.id FROM webhook_deliveries d WHERE d.endpoint_id = e.id ORDER BY d.id LIMIT $1 FOR UPDATE SKIP LOCKED
			) d
			WHERE e.deleted_at IS NOT NULL LIMIT $1
		))`, limit)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	if err != nil || n > 0 {
		return int(n), err
	}
	_, err = w.db.db.ExecContext(ctx, `
		DELETE FROM webhook_endpoints e WHERE deleted_at < $1
			AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id)`, before)
	return 0, err
}

// Signers implements webhook.Store.
func (w *Webhooks) Signers(
	ctx context.Context, p auth.Principal, endpointID id.Endpoint, now time.Time, entry *audit.Entry,
) (e *webhook.Endpoint, secrets []webhook.Secret, err error) {
	var rows pq.ByteaArray
	e, err = w.changeEndpoint(ctx, p, endpointID, func(tx *sqlx.Tx, _ *webhook.Endpoint) (*audit.Entry, error) {
		return entry, tx.GetContext(ctx, &rows, `SELECT `+goodSecrets+` FROM webhook_endpoints e WHERE e.id = $2`, now, endpointID)
	})
	if err != nil {
		return nil, nil, err
	}
	return e, secretsOf(rows), nil
}

// goodSecrets are those of the endpoint e that are good at the time of parameter 1, the present one first.
const goodSecrets = `ARRAY(SELECT s.secret FROM webhook_secrets s
	WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > $1) ORDER BY s.expires_at IS NULL DESC, s.id DESC)`

func secretsOf(rows pq.ByteaArray) []webhook.Secret {
	secrets := make([]webhook.Secret, len(rows))
	for i, secret := range rows {
		secrets[i] = secret
	}
	return secrets
}
