package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/webhook"
)

// unheld is a delivery that no process sends now, for "webhook_deliveries d".
const unheld = `d.status = 'PENDING' AND (d.leased_until IS NULL OR d.leased_until < clock_timestamp())`

// NextDelivery implements webhook.Queue. Each endpoint's earliest is one look into an index.
func (w *Webhooks) NextDelivery(ctx context.Context, full []id.Endpoint) (*time.Time, error) {
	var due *time.Time
	err := w.db.db.GetContext(ctx, &due, `
		SELECT min(greatest(first.next_attempt_at, e.paused_until)) FROM webhook_endpoints e CROSS JOIN LATERAL (
			SELECT d.next_attempt_at FROM webhook_deliveries d
			WHERE d.endpoint_id = e.id AND `+unheld+` ORDER BY d.next_attempt_at LIMIT 1
		) first
		WHERE e.enabled AND NOT e.id = ANY($1::uuid[])`, uuidArray(full))
	return utc(due), err
}

type claimedRow struct {
	ID         id.Delivery     `db:"id"`
	EndpointID id.Endpoint     `db:"endpoint_id"`
	EventID    id.Event        `db:"event_id"`
	EventType  order.EventType `db:"event_type"`
	Body       []byte          `db:"body"`
	URL        string          `db:"url"`
	Secrets    pq.ByteaArray   `db:"secrets"`
	Attempts   int             `db:"attempts"`
	Try        int             `db:"try"`
}

// ClaimDeliveries implements webhook.Queue. Every endpoint has its own share of the claim, so that one with a long queue
// takes nothing from the others. It runs in a transaction because a repeated claim would lease deliveries to nobody.
func (w *Webhooks) ClaimDeliveries(
	ctx context.Context, now time.Time, lease time.Duration, perEndpoint int, busy map[id.Endpoint]int,
) ([]*webhook.Claimed, error) {
	ids, counts := make([]id.Endpoint, 0, len(busy)), make(pq.Int64Array, 0, len(busy))
	for endpointID, n := range busy {
		ids, counts = append(ids, endpointID), append(counts, int64(n))
	}
	var rows []claimedRow
	err := inTx(ctx, w.db.db, func(tx *sqlx.Tx) error {
		return tx.SelectContext(ctx, &rows, `
		WITH due AS MATERIALIZED (
			SELECT d.id, e.url, `+goodSecrets+` AS secrets
			FROM webhook_endpoints e
			LEFT JOIN unnest($4::uuid[], $5::bigint[]) AS b (id, requests) ON b.id = e.id
			CROSS JOIN LATERAL (
				SELECT d.id FROM webhook_deliveries d
				WHERE d.endpoint_id = e.id AND d.next_attempt_at <= $1 AND `+unheld+`
				ORDER BY d.next_attempt_at LIMIT greatest(0, $3::bigint - coalesce(b.requests, 0))
				FOR NO KEY UPDATE SKIP LOCKED
			) d
			WHERE e.enabled AND (e.paused_until IS NULL OR e.paused_until <= $1)
		), claimed AS (
			-- Not a join, which PostgreSQL also answers by reading all deliveries in the order of the key.
			UPDATE webhook_deliveries d SET attempts = d.attempts + 1, last_attempt_at = $1,
				leased_until = clock_timestamp() + make_interval(secs => $2)
			WHERE d.id = ANY (ARRAY(SELECT id FROM due))
			RETURNING d.id, d.endpoint_id, d.event_id, d.event_type, d.body, d.attempts, d.attempts - d.attempts_before AS try
		)
		SELECT claimed.*, due.url, due.secrets FROM claimed JOIN due USING (id)`,
			now, lease.Seconds(), perEndpoint, uuidArray(ids), counts)
	})
	if err != nil {
		return nil, err
	}
	claimed := make([]*webhook.Claimed, len(rows))
	for i, r := range rows {
		claimed[i] = &webhook.Claimed{
			ID: r.ID, EndpointID: r.EndpointID, EventID: r.EventID, EventType: r.EventType, Body: r.Body, URL: r.URL,
			Secrets: secretsOf(r.Secrets), Attempts: r.Attempts, Try: r.Try,
		}
	}
	return claimed, nil
}

// SettleDelivery implements webhook.Queue. attempts is the fence: the next claim makes it higher. The lease's end need not
// be asked, because nobody has claimed the delivery since. A delivery that staff asked for again while this attempt ran
// has had its attempt. The endpoint's row is written only when something about it changes, not for each success.
func (w *Webhooks) SettleDelivery(ctx context.Context, d *webhook.Claimed, o webhook.Outcome) (webhook.Settlement, error) {
	var failedAt, disableBefore *time.Time
	var failedReason string
	if f := o.Failure; f != nil {
		failedAt, failedReason = &f.At, f.Reason
		if !f.DisableBefore.IsZero() {
			disableBefore = &f.DisableBefore
		}
	}
	var row struct {
		Settled  bool    `db:"settled"`
		Disabled *string `db:"disabled"`
	}
	// In a transaction, because run twice it would report that it had changed nothing.
	err := inTx(ctx, w.db.db, func(tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &row, `
		WITH settled AS (
			UPDATE webhook_deliveries SET status = $3, response_status = $4, next_attempt_at = $5, leased_until = NULL
			WHERE id = $1 AND attempts = $2 AND status = 'PENDING' AND leased_until IS NOT NULL
			RETURNING endpoint_id
		), disabled AS (
			UPDATE webhook_endpoints SET enabled = false, disabled_reason = coalesce(nullif($6::text, ''), $7::text), disabled_at = $8,
				failing_since = coalesce(failing_since, $8)
			WHERE enabled AND id IN (SELECT endpoint_id FROM settled) AND ($6::text <> '' OR failing_since <= $9::timestamptz)
			RETURNING disabled_reason
		), changed AS (
			UPDATE webhook_endpoints SET failing_since = CASE WHEN $3::text = 'DELIVERED' THEN NULL ELSE coalesce(failing_since, $8::timestamptz) END,
				paused_until = greatest(paused_until, $10::timestamptz)
			WHERE id IN (SELECT endpoint_id FROM settled) AND NOT EXISTS (SELECT FROM disabled) AND (
				$3::text = 'DELIVERED' AND failing_since IS NOT NULL
				OR failing_since IS NULL AND $8::timestamptz IS NOT NULL
				OR paused_until IS NULL AND $10::timestamptz IS NOT NULL OR paused_until < $10::timestamptz)
		)
		SELECT EXISTS (SELECT FROM settled) AS settled, (SELECT disabled_reason FROM disabled) AS disabled`,
			d.ID, d.Attempts, string(o.Status), o.ResponseStatus, o.NextAttemptAt, o.DisableEndpoint, failedReason, failedAt, disableBefore, o.PauseEndpoint)
	})
	if err != nil || !row.Settled {
		return webhook.Settlement{}, err
	}
	settlement := webhook.Settlement{Settled: true}
	if row.Disabled != nil {
		settlement.DisabledReason = *row.Disabled
	}
	return settlement, nil
}

// PendingDeliveries implements webhook.Queue.
func (w *Webhooks) PendingDeliveries(ctx context.Context) (n int, err error) {
	err = w.db.db.GetContext(ctx, &n, `SELECT count(*) FROM webhook_deliveries WHERE status = 'PENDING'`)
	return n, err
}

// DisabledEndpoints implements webhook.Queue.
func (w *Webhooks) DisabledEndpoints(ctx context.Context) (n int, err error) {
	err = w.db.db.GetContext(ctx, &n, `SELECT count(*) FROM webhook_endpoints WHERE NOT enabled AND disabled_reason IS NOT NULL AND deleted_at IS NULL`)
	return n, err
}

// PruneDeliveries implements webhook.Queue. Of what is pending that of disabled endpoints is not sent by anybody.
func (w *Webhooks) PruneDeliveries(ctx context.Context, before, pendingBefore time.Time, limit int) (deleted, pending int, err error) {
	var row struct {
		Deleted int `db:"deleted"`
		Pending int `db:"pending"`
	}
	err = w.db.db.GetContext(ctx, &row, `
		WITH deleted AS (
			DELETE FROM webhook_deliveries WHERE id IN (
				SELECT d.id FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
				WHERE d.id < $1 AND (d.status <> 'PENDING' OR NOT e.enabled OR d.id < $2)
				ORDER BY d.id LIMIT $3 FOR UPDATE OF d SKIP LOCKED
			) RETURNING status
		)
		SELECT count(*) AS deleted, count(*) FILTER (WHERE status = 'PENDING') AS pending FROM deleted`,
		firstID(before), firstID(pendingBefore), limit)
	return row.Deleted, row.Pending, err
}
