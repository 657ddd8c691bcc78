package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/webhook"
)

var _ webhook.Replays = (*Webhooks)(nil)

// replayRow reads a row of webhook_replays as JSON, or NULL.
type replayRow struct{ *webhook.Replay }

// Scan implements sql.Scanner.
func (r *replayRow) Scan(value any) error {
	r.Replay = nil
	if value == nil {
		return nil
	}
	text, ok := value.([]byte)
	if !ok {
		return errors.New("a replay is not JSON")
	}
	var row struct {
		ID         uuid.UUID   `json:"id"`
		EndpointID id.Endpoint `json:"endpoint_id"`
		Since      int64       `json:"from_position"`
		Position   int64       `json:"position"`
		Until      int64       `json:"to_position"`
		From       *time.Time  `json:"from_time"`
		To         *time.Time  `json:"to_time"`
		Queued     int         `json:"queued"`
		Missed     int         `json:"missed"`
		CreatedAt  time.Time   `json:"created_at"`
		FinishedAt *time.Time  `json:"finished_at"`
	}
	if err := json.Unmarshal(text, &row); err != nil {
		return fmt.Errorf("a replay: %w", err)
	}
	r.Replay = &webhook.Replay{
		ID: row.ID, EndpointID: row.EndpointID, Since: row.Since, Position: row.Position, Until: row.Until, From: utc(row.From), To: utc(row.To),
		Queued: row.Queued, Missed: row.Missed, CreatedAt: row.CreatedAt.UTC(), FinishedAt: utc(row.FinishedAt),
	}
	return nil
}

// StartReplay implements webhook.Store. The endpoint's row is locked, so that two that start at once follow each other.
func (w *Webhooks) StartReplay(ctx context.Context, p auth.Principal, r *webhook.Replay, entry *audit.Entry) (*webhook.Endpoint, error) {
	return w.changeEndpoint(ctx, p, r.EndpointID, func(tx *sqlx.Tx, e *webhook.Endpoint) (*audit.Entry, error) {
		if e.Replay != nil && e.Replay.FinishedAt == nil {
			if e.Replay.Same(r) {
				return nil, nil
			}
			return nil, webhook.ErrReplaying
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO webhook_replays (endpoint_id, id, from_position, position, to_position, from_time, to_time, created_at, finished_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (endpoint_id) DO UPDATE SET id = excluded.id, from_position = excluded.from_position, position = excluded.position,
				to_position = excluded.to_position, from_time = excluded.from_time, to_time = excluded.to_time, queued = 0, missed = 0,
				created_at = excluded.created_at, finished_at = excluded.finished_at`,
			r.EndpointID, r.ID, r.Since, r.Position, r.Until, r.From, r.To, r.CreatedAt, r.FinishedAt)
		e.Replay = r
		return entry, err
	})
}

// RunningReplays implements webhook.Replays. Both counts are bounded walks of an index.
func (w *Webhooks) RunningReplays(ctx context.Context, now time.Time, due, pending int) ([]webhook.RunningReplay, error) {
	var rows []struct {
		endpointRow
		Ready bool `db:"ready"`
	}
	err := w.db.db.SelectContext(ctx, &rows, `
		SELECT `+endpointColumns+`,
			(SELECT count(*) < $2 FROM (SELECT FROM webhook_deliveries d
				WHERE d.endpoint_id = e.id AND d.status = 'PENDING' AND d.next_attempt_at <= $1 LIMIT $2) due)
			AND (SELECT count(*) < $3 FROM (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.status = 'PENDING' LIMIT $3) pending) AS ready
		FROM webhook_replays running JOIN webhook_endpoints e ON e.id = running.endpoint_id
		WHERE running.finished_at IS NULL AND e.enabled`, now, due, pending)
	if err != nil {
		return nil, err
	}
	replays := make([]webhook.RunningReplay, len(rows))
	for i := range rows {
		e := rows[i].endpoint()
		replays[i] = webhook.RunningReplay{Replay: e.Replay, Endpoint: e, Ready: rows[i].Ready}
	}
	return replays, nil
}

// AddReplayed implements webhook.Replays. One statement, as AddDeliveries, and its rows are written in the order of their key too.
func (w *Webhooks) AddReplayed(ctx context.Context, batch webhook.ReplayBatch) (moved bool, err error) {
	type numbered struct {
		webhook.NewDelivery
		n int64
	}
	deliveries := make([]numbered, len(batch.Deliveries))
	for i, d := range batch.Deliveries {
		deliveries[i] = numbered{d, int64(i)}
	}
	slices.SortFunc(deliveries, func(a, b numbered) int { return cmp.Compare(string(a.EventID[:]), string(b.EventID[:])) })
	ids, events := make([]id.Delivery, len(deliveries)), make([]id.Event, len(deliveries))
	types, bodies, turns := make(pq.StringArray, len(deliveries)), make(pq.ByteaArray, len(deliveries)), make(pq.Int64Array, len(deliveries))
	for i, d := range deliveries {
		ids[i], events[i], types[i], bodies[i], turns[i] = d.ID, d.EventID, string(d.EventType), d.Body, d.n
	}
	err = w.db.db.GetContext(ctx, &moved, `
		WITH moved AS (
			UPDATE webhook_replays SET position = $4, queued = queued + $5, missed = missed + $6,
				finished_at = CASE WHEN to_position = $4 THEN $7::timestamptz END
			WHERE endpoint_id = $1 AND id = $2 AND position = $3 AND $4 > $3
				AND ($8::bigint = 0 OR EXISTS (SELECT FROM feed f WHERE f.position = $4 AND f.mark = $8))
			RETURNING endpoint_id
		), added AS (
			-- Due one after the other, so that they are sent in the order of the feed as far as requests follow each other.
			INSERT INTO webhook_deliveries AS d (id, endpoint_id, event_id, event_type, body, next_attempt_at, created_at)
			SELECT n.id, moved.endpoint_id, n.event_id, n.event_type, n.body, $7::timestamptz + n.turn * interval '1 microsecond', $7::timestamptz
			FROM moved CROSS JOIN unnest($9::uuid[], $10::uuid[], $11::text[], $12::bytea[], $13::bigint[]) AS n (id, event_id, event_type, body, turn)
			ORDER BY n.event_id
			ON CONFLICT ON CONSTRAINT webhook_deliveries_once DO UPDATE
				SET status = 'PENDING', next_attempt_at = excluded.next_attempt_at, attempts_before = d.attempts
				WHERE d.status <> 'PENDING'
		)
		SELECT EXISTS (SELECT FROM moved)`,
		batch.Replay.EndpointID, batch.Replay.ID, batch.Replay.Position, batch.To, len(deliveries), batch.Missed, batch.At, int64(batch.Mark),
		uuidArray(ids), uuidArray(events), types, bodies, turns)
	return moved, err
}
