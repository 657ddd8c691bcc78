-- Loads orders for a change in one statement, so from one snapshot. Nothing is locked: change.sql saves only if the revision is
-- still the same. An order that its viewer does not own is not read; a NULL viewer sees all.
SELECT {{.OrderRecord}} AS stored,
    {{.OpenAttempts}} AS attempts,
    o.revision, pg_postmaster_start_time() AS server, o.cancel_note,
    k.request_hash, k.entity_id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[]) AS t (id, viewer, actor, operation, key)
-- OFFSET 0 leaves the planner one way, by the keys.
CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = t.id OFFSET 0) o
LEFT JOIN LATERAL (
    SELECT * FROM idempotency_keys WHERE actor = t.actor AND operation = t.operation AND key = t.key OFFSET 0
) k ON true
WHERE (t.viewer IS NULL OR o.customer_id = t.viewer)
