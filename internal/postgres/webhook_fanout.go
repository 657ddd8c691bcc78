package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/webhook"
)

// fanoutLease is the time after a step of the fan-out for which other replicas leave the next step to the same replica. It spares
// reading; what is right does not depend on it.
const fanoutLease = 2 * time.Second

// FanoutState implements webhook.Outbox.
func (w *Webhooks) FanoutState(ctx context.Context) (webhook.FanoutState, error) {
	var row struct {
		Position int64  `db:"position"`
		Since    *int64 `db:"since"`
		Holder   string `db:"holder"`
		Busy     bool   `db:"busy"`
	}
	err := w.db.db.GetContext(ctx, &row, `
		SELECT position, holder, leased_until > clock_timestamp() AS busy,
			(SELECT min(from_position) FROM webhook_endpoints WHERE enabled) AS since
		FROM webhook_fanout`)
	return webhook.FanoutState(row), err
}

// AddDeliveries implements webhook.Outbox. One statement does both, so there is no transaction that a stopped process
// could leave open; of two from the same position the second waits for the first and then adds nothing, also when they
// are one that the driver has run twice.
func (w *Webhooks) AddDeliveries(ctx context.Context, batch webhook.Batch) (moved bool, err error) {
	// Each body is sent once however many endpoints get it. Rows are added in the order of their key, because two writers
	// that add the same ones in different orders deadlock.
	deliveries := slices.Clone(batch.Deliveries)
	slices.SortFunc(deliveries, func(a, b webhook.NewDelivery) int {
		return strings.Compare(string(a.EndpointID[:])+string(a.EventID[:]), string(b.EndpointID[:])+string(b.EventID[:]))
	})
	n := len(deliveries)
	ids, endpoints, events := make([]id.Delivery, n), make([]id.Endpoint, n), make([]id.Event, n)
	var bodyOf []id.Event
	var types pq.StringArray
	var bodies pq.ByteaArray
	seen := map[id.Event]bool{}
	now := time.Time{}
	for i, d := range deliveries {
		ids[i], endpoints[i], events[i], now = d.ID, d.EndpointID, d.EventID, d.CreatedAt
		if !seen[d.EventID] {
			seen[d.EventID] = true
			bodyOf, types, bodies = append(bodyOf, d.EventID), append(types, string(d.EventType)), append(bodies, d.Body)
		}
	}
	err = w.db.db.GetContext(ctx, &moved, `
		WITH moved AS (
			UPDATE webhook_fanout SET position = $2, holder = $3, leased_until = clock_timestamp() + make_interval(secs => $4)
			WHERE position = $1 AND $2 > $1
				AND ($12::bigint = 0 OR EXISTS (SELECT FROM feed f WHERE f.position = $2 AND f.mark = $12))
			RETURNING position
		), added AS (
			INSERT INTO webhook_deliveries (id, endpoint_id, event_id, event_type, body, next_attempt_at, created_at)
			SELECT d.id, d.endpoint_id, d.event_id, b.event_type, b.body, $11::timestamptz, $11::timestamptz
			FROM moved
			CROSS JOIN unnest($5::uuid[], $6::uuid[], $7::uuid[]) WITH ORDINALITY AS d (id, endpoint_id, event_id, n)
			JOIN unnest($8::uuid[], $9::text[], $10::bytea[]) AS b (event_id, event_type, body) ON b.event_id = d.event_id
			ORDER BY d.n
			ON CONFLICT ON CONSTRAINT webhook_deliveries_once DO NOTHING
		)
		SELECT EXISTS (SELECT FROM moved)`,
		batch.From, batch.To, batch.Holder, fanoutLease.Seconds(),
		uuidArray(ids), uuidArray(endpoints), uuidArray(events), uuidArray(bodyOf), types, bodies, now, int64(batch.Mark))
	return moved, err
}
