-- The rows of one order in one statement, as create.sql writes them; the texts are as long as the server's.
WITH input AS MATERIALIZED (
    SELECT uuidv7() AS id, uuidv7() AS payment_id, uuidv7() AS event_id,
        ('00000000-0000-7000-8000-' || lpad(:client_id::text, 12, '0'))::uuid AS customer_id, now() AS at
), keyed AS (
    INSERT INTO idempotency_keys (actor, operation, key, request_hash, order_id, entity_id)
    SELECT customer_id, 'orderCreate', :prefix || gen_random_uuid()::text, :hash::bytea, id, id FROM input
    ON CONFLICT DO NOTHING
), placed AS (
    INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, note, external_reference,
        metadata, created_at, updated_at, expires_at)
    SELECT id, 'OW-' || right(replace(gen_random_uuid()::text, '-', ''), 10), customer_id, 'CREATED', 1, :currency, :total::bigint, :lines::jsonb,
        NULL, NULL, '[]', at, at, at + interval '24 hours'
    FROM input
), paid AS (
    INSERT INTO payments (id, order_id, customer_id, status, amount_minor, currency, provider, capture_method, method, next_step_at,
        created_at, updated_at)
    SELECT payment_id, id, customer_id, 'INITIALIZING', :total::bigint, :currency, 'simulated', 'AUTOMATIC', 'sim_approve', at + interval '1 hour', at, at
    FROM input
), logged AS (
    INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, actor_id, request_id, occurred_at,
        data, state, log_epoch)
    SELECT id, 1, event_id, 'ORDER_CREATED', customer_id, 'CUSTOMER', customer_id, :request, at, :data::jsonb, :state::jsonb,
        (SELECT epoch FROM event_log)
    FROM input
)
INSERT INTO order_work (order_id, customer_id, due_at) SELECT id, customer_id, at + interval '1 hour' FROM input;
