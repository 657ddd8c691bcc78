-- Asks for a look at the charges of payments that need staff, as payment.Payment.Resolve does with RECHECK, and in the same way allows one more
-- call of what is only looked up. It reads and writes no more of an order than that, so its cost does not grow with the order. Unlike
-- there, a refund that was refused too often is not tried once more.
-- Parameters 1 and 2 are arrays of payments and their orders, 3 is the time of the first look, 4 the seconds from one look to the next.
WITH asked AS MATERIALIZED (
    SELECT payment_id, order_id, $3::timestamptz + make_interval(secs => (n - 1) * $4::float8) AS at
    FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS t (payment_id, order_id, n)
)
, locked AS MATERIALIZED (
    -- In the order of ids, as change.sql, so that neither waits for the other in a circle.
    SELECT o.id FROM orders o WHERE o.id IN (SELECT order_id FROM asked)
    ORDER BY o.id
    FOR UPDATE
)
, rechecked AS (
    UPDATE payments p SET recheck_at = least(p.recheck_at, asked.at)
    FROM asked JOIN locked ON locked.id = asked.order_id
    WHERE p.id = asked.payment_id AND p.attention IS NOT NULL
        -- The provider cannot know of a payment whose authorization was never called.
        AND EXISTS (SELECT FROM payment_attempts a WHERE a.order_id = p.order_id AND a.payment_id = p.id AND a.operation = 'AUTHORIZE' AND a.calls > 0)
    RETURNING p.id, p.order_id, p.customer_id, p.provider, p.recheck_at
)
, called AS (
    UPDATE payment_attempts a SET look_up_only = false
    FROM rechecked r
    WHERE a.order_id = r.order_id AND a.payment_id = r.id AND a.look_up_only
)
, revised AS (
    -- A change that has read the order before starts again.
    UPDATE orders o SET revision = o.revision + 1
    FROM (SELECT DISTINCT order_id FROM rechecked) r
    WHERE o.id = r.order_id
)
, due AS (
    -- See order.Due. A worker that holds the order keeps its lease.
    INSERT INTO order_work AS w (order_id, customer_id, due_at, lane, token)
    SELECT DISTINCT ON (order_id) order_id, customer_id, recheck_at, provider, 0 FROM rechecked ORDER BY order_id, recheck_at
    ON CONFLICT (order_id) DO UPDATE SET
        due_at = least(w.due_at, excluded.due_at),
        lane = CASE WHEN excluded.due_at < w.due_at THEN excluded.lane ELSE w.lane END,
        own_due_at = CASE WHEN excluded.due_at < w.due_at AND w.lane = '' THEN w.due_at ELSE w.own_due_at END
)
SELECT id FROM rechecked
