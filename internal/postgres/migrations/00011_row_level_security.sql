-- +goose Up

-- Row-level security: the second wall, under the condition that each statement has of its own. A statement of the API says on
-- whose behalf it runs in app.principal, set for itself alone (see guarded.go): '*' for all rows (staff, the system), or
-- customers' ids with commas between them. Not set, or empty: nobody, and no row.
--
-- The roles are made before the migrations, because they belong to the whole cluster and outlive a restored dump: see roles.go.

-- Whose a row is stands in it, so that no policy has to look elsewhere.
ALTER TABLE payments ADD COLUMN customer_id uuid;
ALTER TABLE refunds ADD COLUMN customer_id uuid;
ALTER TABLE payment_attempts ADD COLUMN customer_id uuid;
ALTER TABLE order_work ADD COLUMN customer_id uuid;
UPDATE payments t SET customer_id = o.customer_id FROM orders o WHERE o.id = t.order_id;
UPDATE refunds t SET customer_id = o.customer_id FROM orders o WHERE o.id = t.order_id;
UPDATE payment_attempts t SET customer_id = o.customer_id FROM orders o WHERE o.id = t.order_id;
UPDATE order_work t SET customer_id = o.customer_id FROM orders o WHERE o.id = t.order_id;
ALTER TABLE payments ALTER COLUMN customer_id SET NOT NULL;
ALTER TABLE refunds ALTER COLUMN customer_id SET NOT NULL;
ALTER TABLE payment_attempts ALTER COLUMN customer_id SET NOT NULL;
ALTER TABLE order_work ALTER COLUMN customer_id SET NOT NULL;

-- The figures are read from these alone, and so is whether a row of them may be seen.
DROP INDEX order_events_counted;
DROP INDEX order_events_confirmed;
CREATE INDEX order_events_counted ON order_events (id) INCLUDE (type, customer_id)
    WHERE type IN ('ORDER_CREATED', 'PAYMENT_CONFIRMED', 'PAYMENT_DECLINED', 'ORDER_CANCELLED');
CREATE INDEX order_events_confirmed ON order_events (id) INCLUDE (order_id, data, customer_id)
    WHERE type = 'PAYMENT_CONFIRMED';

-- Each table by whose its rows are (a column; none: staff's), and what the API and the worker may do with them at all. Whoever
-- comes as the worker or the owner sees all rows. What is not here the API cannot reach, but for what follows.
-- +goose StatementBegin
DO $$
DECLARE
    t record;
    seen text;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('orders', 'customer_id', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE'),
        ('payments', 'customer_id', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE'),
        ('refunds', 'customer_id', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE'),
        ('payment_attempts', 'customer_id', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE'),
        ('order_work', 'customer_id', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT, INSERT, UPDATE, DELETE'),
        -- UPDATE is what it takes to keep writers out while the log gets a new epoch; the log refuses it by its trigger.
        ('order_events', 'customer_id', 'SELECT, INSERT', 'SELECT, INSERT, UPDATE'),
        ('feed', 'customer_id', 'SELECT', 'SELECT, INSERT'),
        ('idempotency_keys', 'actor', 'SELECT, INSERT', 'SELECT, INSERT, UPDATE, DELETE'),
        ('order_budgets', 'customer_id', 'SELECT, INSERT, UPDATE', 'SELECT, DELETE'),
        ('revocations', 'customer_id', 'SELECT, INSERT, UPDATE', 'SELECT, DELETE'),
        ('known_users', 'customer_id', 'SELECT', 'SELECT, INSERT'),
        ('products', NULL, 'SELECT, INSERT, UPDATE', 'SELECT, INSERT'),
        ('audit_entries', NULL, 'SELECT, INSERT', 'SELECT, INSERT'),
        ('reconciliation_differences', NULL, 'SELECT', 'SELECT, INSERT, UPDATE'),
        ('webhook_endpoints', NULL, 'SELECT, INSERT, UPDATE', 'SELECT, UPDATE'),
        ('webhook_secrets', NULL, 'SELECT, INSERT, UPDATE, DELETE', 'SELECT'),
        ('webhook_deliveries', NULL, 'SELECT, UPDATE', 'SELECT, INSERT, UPDATE, DELETE')
    ) AS v (name, owner, api, worker)
    LOOP
        -- The setting is asked in sub-selects, so that it is looked at once in a statement and not once for each row. Functions
        -- would say it in fewer words, and make planning take longer.
        seen := '(SELECT current_setting(''app.principal'', true) = ''*'')';
        IF t.owner IS NOT NULL THEN
            seen := format('%s OR %I = ANY ((SELECT string_to_array(nullif(current_setting(''app.principal'', true), ''*''), '',''))::uuid[])', seen, t.owner);
        END IF;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY principal ON %I TO orderwire_api USING (%s) WITH CHECK (%s)', t.name, seen, seen);
        EXECUTE format('CREATE POLICY everything ON %I TO orderwire_worker, orderwire_migrate USING (true) WITH CHECK (true)', t.name);
        EXECUTE format('GRANT %s ON %I TO orderwire_api', t.api, t.name);
        EXECUTE format('GRANT %s ON %I TO orderwire_worker', t.worker, t.name);
    END LOOP;
END $$;
-- +goose StatementEnd

-- The catalogue is everybody's to read.
CREATE POLICY public ON products FOR SELECT TO orderwire_api USING (true);

-- These have no rows of anybody: the log's own, what providers said, and who does what among replicas.
GRANT SELECT ON event_log, feed_partitions TO orderwire_api;
GRANT SELECT ON feed_partitions TO orderwire_worker;
GRANT SELECT, UPDATE ON event_log, webhook_fanout, reconciliation TO orderwire_worker;
GRANT SELECT, INSERT ON settings TO orderwire_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_inbox TO orderwire_worker;
GRANT USAGE ON SEQUENCE order_work_token TO orderwire_worker;
