-- Places many orders in one statement, and so in one commit. It follows principalSet(1), see guarded.go.
-- Its result says which orders were placed:
--   placed: a row with the order's id;
--   the idempotency key is known: no row, and the order is not placed;
--   a product is no longer of the revision that its price was read at: none of the orders is placed, and the rows are the products that
--     have changed, with those revisions;
--   one attempt to pay too many (with limits, see attempts.go): a row with the order's id, how long to wait in seconds, and whose limit
--     it is. The order is not placed.
-- Keys are inserted in their order, so that two batches never wait for each other in a circle.
-- Parameters: 1 the principal, 2 the lease in seconds, 3 and 4 products and the revisions of their prices; with limits 5 to 7 an attempt's
-- share of its customer's and of its address's budget, and the window, in seconds; then an array for each column of the input.
, input AS MATERIALIZED (
    SELECT * FROM unnest(
        {{if .Has.Limits}}{{.Created.Arrays 8}}{{else}}{{.Created.Arrays 5}}{{end}}
    ) AS t ({{.Created.Names}})
), changed AS MATERIALIZED (
    SELECT id, revision
    FROM unnest($3::uuid[], $4::bigint[]) AS seen (id, revision)
    WHERE revision IS DISTINCT FROM (SELECT xmin::text::bigint FROM products WHERE products.id = seen.id)
)
{{- if .Has.Limits}}
, told AS MATERIALIZED (
    SELECT now() AS at, make_interval(secs => $5) AS of_customer, make_interval(secs => $6) AS of_address, make_interval(secs => $7) AS most
), held AS MATERIALIZED (
    SELECT b.address, b.spent_until + told.of_address - told.most - told.at AS wait
    FROM address_budgets b, told
    WHERE $6 > 0 AND b.address = ANY (ARRAY(SELECT source FROM input)) AND b.spent_until + told.of_address > told.at + told.most
), spent AS (
    -- All of a customer's orders or none; the caller tries those of none one by one.
    INSERT INTO attempt_budgets AS b (customer_id, spent_until)
    SELECT asked.customer_id, told.at + asked.n * told.of_customer
    FROM (
        SELECT customer_id, count(*) AS n FROM input
        WHERE NOT EXISTS (SELECT FROM changed) AND NOT EXISTS (SELECT FROM held WHERE held.address = input.source)
        GROUP BY customer_id
    ) asked, told
    WHERE $5 > 0 AND asked.n * told.of_customer <= told.most
    ORDER BY asked.customer_id
    ON CONFLICT (customer_id) DO UPDATE SET spent_until = greatest(b.spent_until, now()) + (excluded.spent_until - now())
    WHERE greatest(b.spent_until, now()) + (excluded.spent_until - now()) <= now() + make_interval(secs => $7)
    RETURNING b.customer_id
), admitted AS MATERIALIZED (
    SELECT * FROM input
    WHERE NOT EXISTS (SELECT FROM held WHERE held.address = input.source)
        AND ($5 = 0 OR EXISTS (SELECT FROM spent WHERE spent.customer_id = input.customer_id))
)
{{- else}}
, admitted AS (SELECT * FROM input)
{{- end}}
, fresh AS (
    INSERT INTO idempotency_keys ({{.Keys.Created}})
    SELECT {{.Keys.Creations "key_"}} FROM admitted WHERE NOT EXISTS (SELECT FROM changed)
    ORDER BY customer_id, key_operation, key_key
    ON CONFLICT DO NOTHING
    RETURNING order_id AS id
), placed AS (
    INSERT INTO orders ({{.Heads.Created}}, {{.States.Created}})
    SELECT {{.Heads.Creations ""}}, {{.States.Creations ""}}
    FROM input JOIN fresh USING (id)
), paid AS (
    INSERT INTO payments (customer_id, {{.Payments.Created}})
    SELECT customer_id, {{.Payments.Creations "payment_"}}
    FROM input JOIN fresh USING (id)
), logged AS (
    INSERT INTO order_events (customer_id, log_epoch, {{.Events.Created}})
    SELECT customer_id, (SELECT epoch FROM event_log), {{.Events.Creations "event_"}}
    FROM input JOIN fresh USING (id)
), timed AS (
    -- -1 is a token that the sequence never gives.
    INSERT INTO order_work (order_id, customer_id, due_at, leased_until, token, source)
    SELECT id, customer_id, least(payment_next_step_at, expires_at),
        CASE WHEN leased THEN clock_timestamp() + make_interval(secs => $2) END, CASE WHEN leased THEN -1 ELSE 0 END,
        source
    FROM input JOIN fresh USING (id)
)
SELECT guarded.* FROM principal CROSS JOIN LATERAL (
    SELECT id, NULL::bigint AS revision, pg_postmaster_start_time() AS server, NULL::float8 AS wait, NULL::text AS limited_by
    FROM fresh WHERE principal.customers <> ''
    UNION ALL SELECT id, revision, pg_postmaster_start_time(), NULL, NULL FROM changed
{{- if .Has.Limits}}
    UNION ALL
    SELECT input.id, NULL, pg_postmaster_start_time(),
        extract(epoch FROM coalesce(held.wait, b.spent_until + told.of_customer - told.most - told.at, told.of_customer))::float8,
        CASE WHEN held.wait IS NULL THEN 'customer' ELSE 'address' END
    FROM input CROSS JOIN told LEFT JOIN held ON held.address = input.source LEFT JOIN attempt_budgets b ON b.customer_id = input.customer_id
    WHERE NOT EXISTS (SELECT FROM changed) AND NOT EXISTS (SELECT FROM admitted WHERE admitted.id = input.id)
{{- end}}
    OFFSET 0
) guarded
