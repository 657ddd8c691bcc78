-- Saves many changed orders in one statement, and so in one commit, each whole or not at all. An order is saved if it
-- still has the revision it was loaded with, on this very server, and, when a worker changes it, if the worker's lease was not
-- given to another. Returned are the ids of those saved, with the tokens of the leases of those that are due when one was asked for. Locks are taken in the order of ids, so that two batches never wait for each
-- other in a circle. It follows principalSet, see guarded.go.
-- What is between a comment such as /* refunds */ and the next one is there only when the batch has some: PostgreSQL sets up
-- every part of a statement that it runs, also for nothing, and most changes have few parts.
, input AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb -> 'orders') AS t (
        id uuid, revision bigint, server timestamptz, token bigint, lease bigint, hold_for double precision, due_at timestamptz,
        status text, version integer, captured_minor bigint, refunded_minor bigint, refund_pending_minor bigint,
        cancel_reason text, cancel_note text, updated_at timestamptz, expires_at timestamptz, delivers_at timestamptz,
        retried boolean, source uuid)
)
, locked AS MATERIALIZED (
    SELECT o.id
    FROM orders o JOIN input i ON i.id = o.id AND i.revision = o.revision AND i.server = pg_postmaster_start_time()
    -- Not EXISTS, which a plan that was made when order_work was small answers by reading all of it.
    WHERE i.token IS NULL OR i.token = (SELECT w.token FROM order_work w WHERE w.order_id = i.id)
    ORDER BY o.id
    FOR UPDATE OF o
)
, saved AS (
    UPDATE orders o SET
        revision = o.revision + 1, status = i.status, version = i.version,
        captured_minor = i.captured_minor, refunded_minor = i.refunded_minor, refund_pending_minor = i.refund_pending_minor,
        cancel_reason = i.cancel_reason, cancel_note = i.cancel_note,
        updated_at = i.updated_at, expires_at = i.expires_at, delivers_at = i.delivers_at
    FROM locked l JOIN input i USING (id)
    WHERE o.id = l.id
    RETURNING o.id, o.customer_id
)
/* payments */
, saved_payments AS (
    INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, captured_minor, refunded_minor, provider,
        provider_reference, capture_method, method, decline_code, next_action, next_step_at, goal, recheck_at,
        action_asked, attention, created_at, updated_at)
    SELECT p.id, order_id, saved.customer_id, status, amount_minor, currency, captured_minor, refunded_minor, provider,
        provider_reference, capture_method, method, decline_code, next_action, next_step_at, goal, recheck_at,
        action_asked, attention, created_at, updated_at
    FROM jsonb_populate_recordset(NULL::payments, $1::jsonb -> 'payments') p JOIN saved ON saved.id = p.order_id
    ON CONFLICT (id) DO UPDATE SET
        status = EXCLUDED.status, captured_minor = EXCLUDED.captured_minor, refunded_minor = EXCLUDED.refunded_minor,
        provider_reference = EXCLUDED.provider_reference, decline_code = EXCLUDED.decline_code,
        next_action = EXCLUDED.next_action, next_step_at = EXCLUDED.next_step_at, goal = EXCLUDED.goal,
        recheck_at = EXCLUDED.recheck_at, action_asked = EXCLUDED.action_asked, attention = EXCLUDED.attention,
        updated_at = EXCLUDED.updated_at
)
/* refunds */
, saved_refunds AS (
    INSERT INTO refunds (id, order_id, customer_id, payment_id, amount_minor, currency, status, reason, created_at, updated_at)
    SELECT r.id, order_id, saved.customer_id, payment_id, amount_minor, currency, status, reason, created_at, updated_at
    FROM jsonb_populate_recordset(NULL::refunds, $1::jsonb -> 'refunds') r JOIN saved ON saved.id = r.order_id
    ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, reason = EXCLUDED.reason, updated_at = EXCLUDED.updated_at
)
/* attempts */
, saved_attempts AS (
    INSERT INTO payment_attempts AS a (id, order_id, customer_id, payment_id, refund_id, operation, outcome, calls, message, started_at,
        finished_at, next_call_at, look_up_only)
    SELECT t.id, order_id, saved.customer_id, payment_id, refund_id, operation, outcome, calls, message, started_at,
        finished_at, next_call_at, look_up_only
    FROM jsonb_populate_recordset(NULL::payment_attempts, $1::jsonb -> 'attempts') t JOIN saved ON saved.id = t.order_id
    ON CONFLICT (id) DO UPDATE SET
        outcome = EXCLUDED.outcome, calls = EXCLUDED.calls,
        -- An ended attempt was loaded without its message, see openMessage.
        message = CASE WHEN a.finished_at IS NULL THEN EXCLUDED.message ELSE a.message END,
        finished_at = EXCLUDED.finished_at, next_call_at = EXCLUDED.next_call_at,
        look_up_only = EXCLUDED.look_up_only
)
/* events */
, logged AS (
    INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, actor_id, request_id, occurred_at,
        data, state, log_epoch)
    SELECT e.order_id, e.version, e.id, e.type, saved.customer_id, e.actor_kind, e.actor_id, e.request_id, e.occurred_at,
        e.data, e.state, (SELECT epoch FROM event_log)
    FROM jsonb_to_recordset($1::jsonb -> 'events') AS e (
        order_id uuid, version integer, id uuid, type text, actor_kind text, actor_id uuid, request_id text,
        occurred_at timestamptz, data jsonb, state jsonb)
    JOIN saved ON saved.id = e.order_id
)
/* keys */
, remembered AS (
    -- No ON CONFLICT: a key that another order has taken meanwhile must undo the statement.
    INSERT INTO idempotency_keys (actor, operation, key, request_hash, order_id, entity_id)
    SELECT k.actor, k.operation, k.key, decode(k.request_hash, 'hex'), k.order_id, k.entity_id
    FROM jsonb_to_recordset($1::jsonb -> 'keys') AS k (
        actor uuid, operation text, key text, request_hash text, order_id uuid, entity_id uuid)
    JOIN saved ON saved.id = k.order_id
)
/* audits */
, audited AS (
    INSERT INTO audit_entries (id, at, actor_id, action, subject, detail)
    SELECT a.id, a.at, a.actor_id, a.action, a.subject, a.detail
    FROM jsonb_to_recordset($1::jsonb -> 'audits') AS a (
        order_id uuid, id uuid, at timestamptz, actor_id uuid, action text, subject text, detail text)
    JOIN saved ON saved.id = a.order_id
)
/* outcomes */
, outcomes AS MATERIALIZED (
    SELECT saved.customer_id, (SELECT w.source FROM order_work w WHERE w.order_id = saved.id) AS source, t.succeeded,
        make_interval(secs => t.of_customer) AS of_customer, make_interval(secs => t.of_address) AS of_address, make_interval(secs => t.most) AS most
    FROM jsonb_to_recordset($1::jsonb -> 'outcomes') AS t (
        order_id uuid, succeeded boolean, of_customer double precision, of_address double precision, most double precision)
    JOIN saved ON saved.id = t.order_id
)
, given_back AS (
    INSERT INTO attempt_budgets AS b (customer_id, spent_until)
    SELECT o.customer_id, now() - sum(o.of_customer) FROM outcomes o
    WHERE o.succeeded AND EXISTS (SELECT FROM attempt_budgets b WHERE b.customer_id = o.customer_id)
    GROUP BY o.customer_id ORDER BY o.customer_id
    ON CONFLICT (customer_id) DO UPDATE SET spent_until = b.spent_until + (excluded.spent_until - now())
)
, counted AS (
    -- A success pays for a decline, so that an address with many customers has room for theirs; no more than the limit is ever owed.
    INSERT INTO address_budgets AS b (address, spent_until)
    SELECT n.source, now() + least(n.spent, n.most) FROM (
        SELECT source, sum(CASE WHEN succeeded THEN - of_address ELSE of_address END) AS spent, max(most) AS most
        FROM outcomes WHERE source IS NOT NULL AND of_address > interval '0' GROUP BY source
    ) n
    WHERE n.spent > interval '0' OR EXISTS (SELECT FROM address_budgets b WHERE b.address = n.source AND b.spent_until > now())
    ORDER BY n.source
    ON CONFLICT (address) DO UPDATE SET spent_until = least(
        greatest(b.spent_until, now()) + (excluded.spent_until - now()), now() + (SELECT max(most) FROM outcomes))
)
/* due */
, timed AS (
    -- A worker's change holds its lease or lets go of it. Another's leaves it alone, or has one where there is none: now() because it
    -- says the same both times.
    UPDATE order_work w SET
        due_at = i.due_at,
        token = CASE WHEN i.lease IS NOT NULL AND coalesce(w.leased_until < now(), true) THEN i.lease ELSE w.token END,
        leased_until = CASE
            WHEN i.token IS NOT NULL AND i.hold_for IS NULL THEN NULL
            WHEN i.token IS NOT NULL OR (i.lease IS NOT NULL AND coalesce(w.leased_until < now(), true))
                THEN clock_timestamp() + make_interval(secs => i.hold_for)
            ELSE w.leased_until
        END,
        source = CASE WHEN i.retried THEN i.source ELSE w.source END
    FROM input i JOIN saved USING (id)
    WHERE w.order_id = i.id AND i.due_at IS NOT NULL
    RETURNING w.order_id AS id, w.token
)
, started AS (
    INSERT INTO order_work (order_id, customer_id, due_at, token, leased_until, source)
    SELECT i.id, saved.customer_id, i.due_at, coalesce(i.lease, 0),
        CASE WHEN i.lease IS NOT NULL THEN clock_timestamp() + make_interval(secs => i.hold_for) END, i.source
    FROM input i JOIN saved USING (id)
    WHERE i.due_at IS NOT NULL AND (SELECT w.order_id FROM order_work w WHERE w.order_id = i.id) IS NULL
    RETURNING order_id AS id, token
)
/* done */
, ended AS (
    DELETE FROM order_work w USING input i JOIN saved USING (id)
    WHERE w.order_id = i.id AND i.due_at IS NULL
)
/* unleased */
SELECT guarded.* FROM principal CROSS JOIN LATERAL (SELECT id, 0::bigint AS token FROM saved WHERE principal.customers <> '' OFFSET 0) guarded
/* leased */
SELECT guarded.* FROM principal CROSS JOIN LATERAL (
    SELECT saved.id, coalesce(given.token, 0) AS token
    FROM saved LEFT JOIN (SELECT id, token FROM timed UNION ALL SELECT id, token FROM started) given ON given.id = saved.id
    WHERE principal.customers <> '' OFFSET 0
) guarded
