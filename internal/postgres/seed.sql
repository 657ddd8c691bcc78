-- Makes orders of the past, each with the events of its life so far and their places in the feed, in one statement and so in
-- one commit. What an order has at each version stands in the table of steps; the JSON is that of order.State,
-- payment.Payment and order.EventData.
--
-- Parameters: 1 fence and 2 seconds of the sequencer's lease, which the caller holds; 3 how many orders; 4 how many steps each
-- has behind it; 5 when the first was placed and 6 the microseconds from one to the next; 7 where the order numbers begin;
-- 8 customers; 9 lines, 10 totals and 11 currencies of the baskets to choose from; 12 the provider.
WITH held AS (
    -- The fence: without the lease nothing is given a position, and nothing is made. The events are of the log's epoch before
    -- the present one: of that, the sequencer knows, everything has its position, so it does not look for them (see newEpoch).
    UPDATE event_log SET position = position + $3::bigint * $4::integer, leased_until = clock_timestamp() + make_interval(secs => $2)
    WHERE fence = $1 AND leased_until > clock_timestamp()
    RETURNING position - $3::bigint * $4::integer AS position, epoch - 1 AS epoch
), steps (step, type, actor, status, payment_status, paid, seconds) AS (
    VALUES (1, 'ORDER_CREATED', 'CUSTOMER', 'CREATED', 'INITIALIZING', false, 0),
        (2, 'PAYMENT_PROCESSING', 'SYSTEM', 'CREATED', 'PROCESSING', false, 3),
        (3, 'PAYMENT_CONFIRMED', 'PROVIDER', 'CONFIRMED', 'CONFIRMED', true, 6),
        (4, 'ORDER_DELIVERED', 'SYSTEM', 'DELIVERED', 'CONFIRMED', true, 9)
), drawn AS MATERIALIZED (
    SELECT n, gen_random_uuid()::text AS a, gen_random_uuid()::text AS b, gen_random_uuid()::text AS c, at, lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS ms,
        -- An odd factor leads to each of the 2^40 numbers once.
        (($7::bigint + n) * 2654435) & 1099511627775 AS number,
        ($8::uuid[])[1 + floor(random() * cardinality($8::uuid[]))::integer] AS customer_id,
        1 + floor(random() * cardinality($10::bigint[]))::integer AS basket
    FROM held, generate_series(1, $3::bigint) AS n,
        LATERAL (SELECT date_trunc('milliseconds', $5::timestamptz + n * $6::bigint * interval '1 microsecond') AS at) t
), input AS MATERIALIZED (
    -- A UUIDv7 is its milliseconds and the end of a random UUID (RFC 9562 section 5.7).
    SELECT n, at, customer_id, ms,
        overlay(ms PLACING '-' FROM 9 FOR 0) || '-7' || substr(a, 16) AS id,
        overlay(ms PLACING '-' FROM 9 FOR 0) || '-7' || substr(b, 16) AS payment_id,
        overlay(ms PLACING '-' FROM 9 FOR 0) || '-7' || substr(c, 16) AS attempt_id,
        'OW-' || substr(letters, 1 + (number & 31)::integer, 1) || substr(letters, 1 + (number >> 5 & 31)::integer, 1) || substr(letters, 1 + (number >> 10 & 31)::integer, 1)
            || substr(letters, 1 + (number >> 15 & 31)::integer, 1) || substr(letters, 1 + (number >> 20 & 31)::integer, 1) || substr(letters, 1 + (number >> 25 & 31)::integer, 1)
            || substr(letters, 1 + (number >> 30 & 31)::integer, 1) || substr(letters, 1 + (number >> 35 & 31)::integer, 1) AS number,
        ($9::text[])[basket]::jsonb AS lines, ($10::bigint[])[basket] AS total, ($11::text[])[basket] AS currency
    FROM drawn, (VALUES ('0123456789ABCDEFGHJKMNPQRSTVWXYZ')) AS crockford (letters)
), lives AS MATERIALIZED (
    SELECT i.*, s.*, i.at + s.seconds * interval '1 second' AS step_at, CASE WHEN paid THEN total ELSE 0 END AS captured,
        jsonb_build_object('minor', total, 'currency', currency) AS amount
    FROM input i CROSS JOIN steps s WHERE step <= $4::integer
), placed AS (
    INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, captured_minor, lines, created_at, updated_at)
    SELECT id::uuid, number, customer_id, status, step, currency, total, captured, lines, at, step_at
    FROM lives WHERE step = $4::integer ORDER BY n
), paid AS (
    INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, captured_minor, provider, capture_method, method,
        provider_reference, created_at, updated_at)
    SELECT payment_id::uuid, id::uuid, customer_id, payment_status, total, currency, captured, $12::text, 'AUTOMATIC', '',
        CASE WHEN paid THEN 'seed_' || payment_id END, at, at + least(seconds, 6) * interval '1 second'
    FROM lives WHERE step = $4::integer ORDER BY n
), attempted AS (
    INSERT INTO payment_attempts (id, order_id, customer_id, payment_id, operation, outcome, calls, message, started_at, finished_at)
    SELECT attempt_id::uuid, id::uuid, customer_id, payment_id::uuid, 'AUTHORIZE', 'SUCCESS', 1, '', at + interval '3 seconds', step_at
    FROM lives WHERE step <= $4::integer AND type = 'PAYMENT_CONFIRMED' ORDER BY n
), logged AS (
    INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, actor_id, request_id, occurred_at,
        data, state, log_epoch)
    SELECT id::uuid, step,
        (overlay(lpad(to_hex((extract(epoch FROM step_at) * 1000)::bigint), 12, '0') PLACING '-' FROM 9 FOR 0)
            || '-7' || substr(gen_random_uuid()::text, 16))::uuid,
        type, customer_id, actor, CASE actor WHEN 'CUSTOMER' THEN customer_id END, 'seed', step_at,
        CASE WHEN step IN (2, 3) THEN jsonb_build_object('paymentId', payment_id) ELSE '{}' END
            || CASE step WHEN 3 THEN jsonb_build_object('amount', amount) ELSE '{}' END,
        jsonb_build_object('status', status, 'version', step, 'captured', captured, 'refunded', 0, 'refundPending', 0,
            'updatedAt', step_at, 'refunds', '[]'::jsonb, 'payments', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
                'id', payment_id, 'orderId', id, 'status', payment_status, 'amount', amount, 'captured', captured, 'refunded', 0,
                'provider', $12::text, 'captureMethod', 'AUTOMATIC', 'reference', CASE WHEN paid THEN 'seed_' || payment_id END,
                'createdAt', at, 'updatedAt', at + least(seconds, 6) * interval '1 second')))),
        held.epoch
    FROM lives, held ORDER BY n, step
), fed AS (
    INSERT INTO feed (position, order_id, version, customer_id)
    SELECT held.position + (n - 1) * $4::integer + step, id::uuid, step, customer_id FROM lives, held ORDER BY n, step
)
SELECT count(*) FROM held
