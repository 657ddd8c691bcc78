package postgres_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/webhook"
)

// Of 60,000 deliveries to two endpoints, each combination of filters reads a few pages' worth, also when those it seeks are the oldest
// and all others lie before them, and lists the same as a plain look at all of them.
func TestDeliveriesAreBounded(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	const each = 30_000
	quiet, busy := id.New[id.Endpoint](), id.New[id.Endpoint]()
	for i, endpoint := range []id.Endpoint{quiet, busy} {
		_, err := db.DB.ExecContext(t.Context(), `
			WITH made AS (
				INSERT INTO webhook_endpoints (id, url, event_types, from_position, created_at) VALUES ($1, 'https://a.example/' || $3::integer, '{}', 0, now()) RETURNING id
			), statuses AS (
				-- The last ones first: the quiet endpoint has the oldest deliveries, and a few of each status among the very oldest.
				SELECT n, CASE WHEN n > 10 THEN CASE $3::integer WHEN 0 THEN 'PENDING' ELSE 'DELIVERED' END WHEN n % 2 = 0 THEN 'FAILED' WHEN $3 = 0 THEN 'DELIVERED' ELSE 'PENDING' END AS status
				FROM generate_series(1, $2::integer) n
			)
			INSERT INTO webhook_deliveries (id, endpoint_id, event_id, event_type, body, status, next_attempt_at, created_at)
			SELECT (lpad(to_hex(1700000000000 + $3::bigint * 1000000 + n), 12, '0') || '70008000000000000000')::uuid, made.id, gen_random_uuid(), 'ORDER_CREATED', '{}',
				status, CASE WHEN status = 'PENDING' THEN now() END, now() FROM made, statuses`, endpoint, each, i)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.DB.ExecContext(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
	one := postgrestest.Pool(t, db.URL, postgres.RoleAPI)
	one.SetMaxOpenConns(1)
	webhooks := postgres.NewWebhooks(one)
	const limit = 7
	for _, endpoint := range []id.Null[id.Endpoint]{{}, id.Some(quiet), id.Some(busy), id.Some(id.New[id.Endpoint]()), id.Some(id.Endpoint{})} {
		for _, status := range []webhook.Status{"", webhook.Pending, webhook.Delivered, webhook.Failed} {
			t.Run(fmt.Sprintf("%v%s", endpoint.ID, status), func(t *testing.T) {
				var after id.Null[uuid.UUID]
				for range 3 {
					var want []id.Delivery
					err := db.DB.SelectContext(t.Context(), &want, `SELECT id FROM webhook_deliveries WHERE ($1::uuid IS NULL OR endpoint_id = $1)
						AND ($2 = '' OR status = $2) AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`, endpoint, string(status), after, limit)
					if err != nil {
						t.Fatal(err)
					}
					before := deliveriesRead(t, one)
					got, err := webhooks.Deliveries(t.Context(), staff, webhook.Filter{EndpointID: endpoint, Status: status}, pagination.Request{Limit: limit, After: after})
					if err != nil {
						t.Fatal(err)
					}
					if read := deliveriesRead(t, one) - before; read > 2*(limit+1) {
						t.Errorf("a page of %d reads %d deliveries", limit, read)
					}
					for i, d := range got.Items {
						if i >= len(want) || d.ID != want[i] {
							t.Fatalf("got %d deliveries, item %d is %v; want %v", len(got.Items), i, d.ID, want)
						}
						after = id.Some(uuid.UUID(d.ID))
					}
					if len(got.Items) != len(want) {
						t.Fatalf("got %d deliveries, want %d", len(got.Items), len(want))
					}
				}
			})
		}
	}
}

func deliveriesRead(t *testing.T, db *sqlx.DB) (n int) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), `SELECT pg_stat_force_next_flush()`); err != nil {
		t.Fatal(err)
	}
	err := db.GetContext(t.Context(), &n, `SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'webhook_deliveries'`)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
