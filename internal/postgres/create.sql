-- Places many orders in one statement, and so in one commit. An order whose idempotency key is known is not placed: its id is
-- not returned. When a product is no longer of the revision that its price was read at, none is placed, and returned are the
-- products that have changed, with those revisions. With limits on attempts to pay (see attempts.go), an order that would be one
-- too many is not placed: returned are its id, how long to wait in seconds, and whose limit it is. It follows principalSet, see guarded.go. Keys are inserted in their order,
-- so that two batches never wait for each other in a circle.
, input AS MATERIALIZED (
    SELECT *
    FROM unnest(
        $1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::jsonb[], $7::text[], $8::text[], $9::jsonb[],
        $10::timestamptz[], $11::timestamptz[],
        $12::uuid[], $13::text[], $14::text[], $15::text[], $16::timestamptz[],
        $17::uuid[], $18::text[], $19::text[], $20::jsonb[], $21::jsonb[],
        $22::text[], $23::text[], $24::bytea[], $25::boolean[], $29::uuid[]
    ) AS t (
        id, number, customer_id, currency, total_minor, lines, note, external_reference, metadata,
        created_at, expires_at,
        payment_id, provider, capture_method, method, next_step_at,
        event_id, actor_kind, request_id, data, state,
        operation, key, request_hash, leased, source
    )
), changed AS MATERIALIZED (
    SELECT id, revision
    FROM unnest($26::uuid[], $27::bigint[]) AS seen (id, revision)
    WHERE revision IS DISTINCT FROM (SELECT xmin::text::bigint FROM products WHERE products.id = seen.id)
)
/* limited */
, told AS MATERIALIZED (
    SELECT now() AS at, make_interval(secs => $30) AS of_customer, make_interval(secs => $31) AS of_address, make_interval(secs => $32) AS most
), held AS MATERIALIZED (
    SELECT b.address, b.spent_until + told.of_address - told.most - told.at AS wait
    FROM address_budgets b, told
    WHERE $31 > 0 AND b.address = ANY ($29::uuid[]) AND b.spent_until + told.of_address > told.at + told.most
), spent AS (
    -- All of a customer's orders or none; the caller tries those of none one by one.
    INSERT INTO attempt_budgets AS b (customer_id, spent_until)
    SELECT asked.customer_id, told.at + asked.n * told.of_customer
    FROM (
        SELECT customer_id, count(*) AS n FROM input
        WHERE NOT EXISTS (SELECT FROM changed) AND NOT EXISTS (SELECT FROM held WHERE held.address = input.source)
        GROUP BY customer_id
    ) asked, told
    WHERE $30 > 0 AND asked.n * told.of_customer <= told.most
    ORDER BY asked.customer_id
    ON CONFLICT (customer_id) DO UPDATE SET spent_until = greatest(b.spent_until, now()) + (excluded.spent_until - now())
    WHERE greatest(b.spent_until, now()) + (excluded.spent_until - now()) <= now() + make_interval(secs => $32)
    RETURNING b.customer_id
), admitted AS MATERIALIZED (
    SELECT * FROM input
    WHERE NOT EXISTS (SELECT FROM held WHERE held.address = input.source)
        AND ($30 = 0 OR EXISTS (SELECT FROM spent WHERE spent.customer_id = input.customer_id))
)
/* unlimited */
, admitted AS (SELECT * FROM input)
/* always */
, fresh AS (
    INSERT INTO idempotency_keys (actor, operation, key, request_hash, order_id, entity_id)
    SELECT customer_id, operation, key, request_hash, id, id FROM admitted WHERE NOT EXISTS (SELECT FROM changed)
    ORDER BY customer_id, operation, key
    ON CONFLICT DO NOTHING
    RETURNING order_id AS id
), placed AS (
    INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, note, external_reference,
        metadata, created_at, updated_at, expires_at)
    SELECT id, number, customer_id, 'CREATED', 1, currency, total_minor, lines, note, external_reference,
        metadata, created_at, created_at, expires_at
    FROM input JOIN fresh USING (id)
), paid AS (
    INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, next_step_at,
        created_at, updated_at)
    SELECT payment_id, id, customer_id, 'INITIALIZING', total_minor, currency, provider, capture_method, method, next_step_at,
        created_at, created_at
    FROM input JOIN fresh USING (id)
), logged AS (
    INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, actor_id, request_id, occurred_at,
        data, state, log_epoch)
    SELECT id, 1, event_id, 'ORDER_CREATED', customer_id, actor_kind, customer_id, request_id, created_at,
        data, state, (SELECT epoch FROM event_log)
    FROM input JOIN fresh USING (id)
), timed AS (
    -- -1 is a token that the sequence never gives.
    INSERT INTO order_work (order_id, customer_id, due_at, leased_until, token, source)
    SELECT id, customer_id, least(next_step_at, expires_at),
        CASE WHEN leased THEN clock_timestamp() + make_interval(secs => $28) END, CASE WHEN leased THEN -1 ELSE 0 END,
        source
    FROM input JOIN fresh USING (id)
)
SELECT guarded.* FROM principal CROSS JOIN LATERAL (
    SELECT id, NULL::bigint AS revision, pg_postmaster_start_time() AS server, NULL::float8 AS wait, NULL::text AS limited_by
    FROM fresh WHERE principal.customers <> ''
    UNION ALL SELECT id, revision, pg_postmaster_start_time(), NULL, NULL FROM changed
/* limited */
    UNION ALL
    SELECT input.id, NULL, pg_postmaster_start_time(),
        extract(epoch FROM coalesce(held.wait, b.spent_until + told.of_customer - told.most - told.at, told.of_customer))::float8,
        CASE WHEN held.wait IS NULL THEN 'customer' ELSE 'address' END
    FROM input CROSS JOIN told LEFT JOIN held ON held.address = input.source LEFT JOIN attempt_budgets b ON b.customer_id = input.customer_id
    WHERE NOT EXISTS (SELECT FROM changed) AND NOT EXISTS (SELECT FROM admitted WHERE admitted.id = input.id)
/* always */
    OFFSET 0
) guarded
