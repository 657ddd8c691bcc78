-- The figures of one span, in one snapshot. $1: the beginnings of its steps and the end of the last one, each as the smallest
-- UUIDv7 of that time. Events are counted by ranges of event ids and orders by ranges of order ids, so the cost depends on the
-- events within the span, not on the size of the log.
WITH steps AS (
    SELECT n - 1 AS step, ($1::uuid[])[n] AS begins, ($1::uuid[])[n + 1] AS ends FROM generate_series(1, cardinality($1::uuid[]) - 1) n
), counted AS (
    SELECT s.step, e.type, e.n
    FROM steps s, LATERAL (
        SELECT type, count(*) AS n FROM order_events
        WHERE id >= s.begins AND id < s.ends AND type IN ('ORDER_CREATED', 'PAYMENT_CONFIRMED', 'PAYMENT_DECLINED', 'ORDER_CANCELLED')
        GROUP BY 1
    ) e
), confirmed AS MATERIALIZED (
    -- The first 48 bits of both ids are Unix milliseconds (RFC 9562 section 5.7).
    SELECT s.step, data -> 'amount' ->> 'currency' AS currency, (data -> 'amount' ->> 'minor')::bigint AS minor,
        greatest(0, ('x' || encode(substr(uuid_send(e.id), 1, 6), 'hex'))::bit(48)::bigint
            - ('x' || encode(substr(uuid_send(e.order_id), 1, 6), 'hex'))::bit(48)::bigint) AS ms
    FROM steps s JOIN order_events e ON e.id >= s.begins AND e.id < s.ends AND e.type = 'PAYMENT_CONFIRMED'
), statuses AS (
    SELECT status, count(*) AS n FROM orders WHERE id >= ($1::uuid[])[1] AND id < ($1::uuid[])[cardinality($1::uuid[])] GROUP BY 1
)
SELECT
    (SELECT coalesce(jsonb_agg(c), '[]') FROM counted c) AS counted,
    (SELECT coalesce(jsonb_agg(r), '[]') FROM (SELECT currency, sum(minor)::bigint AS minor FROM confirmed GROUP BY 1 ORDER BY 1) r) AS revenue,
    (SELECT coalesce(to_jsonb(percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ms)), '[0, 0, 0]') FROM confirmed) AS percentiles,
    (SELECT coalesce(jsonb_agg(w), '[]') FROM (
        SELECT step, percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ms) AS ms FROM confirmed GROUP BY 1) w) AS waits,
    (SELECT coalesce(jsonb_agg(s), '[]') FROM statuses s) AS statuses,
    (SELECT count(*) FROM order_work) AS in_flight,
    (SELECT count(*) FROM payments WHERE attention IS NOT NULL) AS attention
