-- Saves many changed orders in one statement, and so in one commit, each whole or not at all. It follows principalSet(2), see guarded.go.
-- An order is saved if it still has the revision it was loaded with, on this very server, and, when a worker changes it, if the worker's
-- lease was not given to another. Returned are the ids of those saved, with the tokens of the leases of those that are due when one was
-- asked for. Locks are taken in the order of ids, so that two batches never wait for each other in a circle.
-- Parameter 1 is a JSON document with the rows of each part. A part is in the statement only when the batch has rows for it: PostgreSQL
-- sets up every part of a statement that it runs, also for nothing, and most changes have few parts.
-- With all parts always there, an order from create to delivery takes the database 12 % more CPU time (BenchmarkRows/Walk, 9 paired runs).
, input AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb -> 'orders') AS t ({{.Changed.Definitions}})
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
        revision = o.revision + 1, {{.States.Updates "i"}}
    FROM locked l JOIN input i USING (id)
    WHERE o.id = l.id
    RETURNING o.id, o.customer_id
)
{{- if .Has.Payments}}
, saved_payments AS (
    INSERT INTO payments (customer_id, {{.Payments.Names}})
    SELECT saved.customer_id, {{.Payments.From "t"}}
    FROM jsonb_to_recordset($1::jsonb -> 'payments') AS t ({{.Payments.Definitions}}) JOIN saved ON saved.id = t.order_id
    {{- if .Has.Replaced}}
    ORDER BY t.id -- the payment that ends comes before the one in its place: payments_one_active
    {{- end}}
    ON CONFLICT (id) DO UPDATE SET {{.Payments.Updates "EXCLUDED"}}
)
{{- end}}
{{- if .Has.Refunds}}
, saved_refunds AS (
    INSERT INTO refunds (customer_id, {{.Refunds.Names}})
    SELECT saved.customer_id, {{.Refunds.From "t"}}
    FROM jsonb_to_recordset($1::jsonb -> 'refunds') AS t ({{.Refunds.Definitions}}) JOIN saved ON saved.id = t.order_id
    ON CONFLICT (id) DO UPDATE SET {{.Refunds.Updates "EXCLUDED"}}
)
{{- end}}
{{- if .Has.Attempts}}
, saved_attempts AS (
    INSERT INTO payment_attempts AS a (customer_id, {{.Attempts.Names}})
    SELECT saved.customer_id, {{.Attempts.From "t"}}
    FROM jsonb_to_recordset($1::jsonb -> 'attempts') AS t ({{.Attempts.Definitions}}) JOIN saved ON saved.id = t.order_id
    ON CONFLICT (id) DO UPDATE SET {{.Attempts.Updates "EXCLUDED"}}
)
{{- end}}
{{- if .Has.Events}}
, logged AS (
    INSERT INTO order_events (customer_id, log_epoch, {{.Events.Names}})
    SELECT saved.customer_id, (SELECT epoch FROM event_log), {{.Events.From "t"}}
    FROM jsonb_to_recordset($1::jsonb -> 'events') AS t ({{.Events.Definitions}}) JOIN saved ON saved.id = t.order_id
)
{{- end}}
{{- if .Has.Keys}}
, remembered AS (
    -- No ON CONFLICT: a key that another order has taken meanwhile must undo the statement.
    INSERT INTO idempotency_keys ({{.Keys.Names}})
    SELECT {{.Keys.From "t"}}
    FROM jsonb_to_recordset($1::jsonb -> 'keys') AS t ({{.Keys.Definitions}}) JOIN saved ON saved.id = t.order_id
)
{{- end}}
{{- if .Has.Audits}}
, audited AS (
    INSERT INTO audit_entries ({{.Audits.Names}})
    SELECT {{.Audits.From "t"}}
    FROM jsonb_to_recordset($1::jsonb -> 'audits') AS t (order_id uuid, {{.Audits.Definitions}}) JOIN saved ON saved.id = t.order_id
)
{{- end}}
{{- if .Has.Outcomes}}
, outcomes AS MATERIALIZED (
    SELECT saved.customer_id, (SELECT w.source FROM order_work w WHERE w.order_id = saved.id) AS source, t.succeeded,
        make_interval(secs => t.of_customer) AS of_customer, make_interval(secs => t.of_address) AS of_address, make_interval(secs => t.most) AS most
    FROM jsonb_to_recordset($1::jsonb -> 'outcomes') AS t ({{.Outcomes.Definitions}})
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
{{- end}}
{{- if .Has.Due}}
, timed AS (
    -- A worker's change holds its lease or lets go of it. Another's leaves it alone, or has one where there is none: now() because it
    -- says the same both times.
    UPDATE order_work w SET
        due_at = i.due_at, lane = i.lane, own_due_at = i.own_due_at,
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
    INSERT INTO order_work (order_id, customer_id, due_at, lane, own_due_at, token, leased_until, source)
    SELECT i.id, saved.customer_id, i.due_at, i.lane, i.own_due_at, coalesce(i.lease, 0),
        CASE WHEN i.lease IS NOT NULL THEN clock_timestamp() + make_interval(secs => i.hold_for) END, i.source
    FROM input i JOIN saved USING (id)
    WHERE i.due_at IS NOT NULL AND (SELECT w.order_id FROM order_work w WHERE w.order_id = i.id) IS NULL
    RETURNING order_id AS id, token
)
{{- end}}
{{- if .Has.Done}}
, ended AS (
    DELETE FROM order_work w USING input i JOIN saved USING (id)
    WHERE w.order_id = i.id AND i.due_at IS NULL
)
{{- end}}
{{- if not .Has.Leased}}
SELECT guarded.* FROM principal CROSS JOIN LATERAL (SELECT id, 0::bigint AS token FROM saved WHERE principal.customers <> '' OFFSET 0) guarded
{{- else}}
SELECT guarded.* FROM principal CROSS JOIN LATERAL (
    SELECT saved.id, coalesce(given.token, 0) AS token
    FROM saved LEFT JOIN (SELECT id, token FROM timed UNION ALL SELECT id, token FROM started) given ON given.id = saved.id
    WHERE principal.customers <> '' OFFSET 0
) guarded
{{- end}}
