-- +goose Up

LOCK TABLE order_work IN ACCESS EXCLUSIVE MODE;

-- Limits on attempts to pay, against card testing; see attempts.go. A row says, as a time, how much is spent: rows whose time has
-- passed say nothing and are deleted. UNLOGGED: a row is written with each new order, and what a crash or a failover forgets only
-- makes the limits begin anew.
CREATE UNLOGGED TABLE attempt_budgets (
    customer_id uuid PRIMARY KEY,
    spent_until timestamptz NOT NULL
);
COMMENT ON TABLE attempt_budgets IS 'Attempts to pay of each customer that have not succeeded, as a time.';
CREATE UNLOGGED TABLE address_budgets (
    address uuid PRIMARY KEY,
    spent_until timestamptz NOT NULL
);
COMMENT ON TABLE address_budgets IS 'Declined payments of each client address, less those that succeeded, as a time. The address is a keyed hash.';

-- Which address the order is paid from, as the same hash. It leaves with the row, when nothing is left to do for the order.
ALTER TABLE order_work ADD COLUMN source uuid;

ALTER TABLE attempt_budgets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- +goose StatementBegin
DO $$
DECLARE
    seen text := '(SELECT current_setting(''app.principal'', true) = ''*'')
        OR customer_id = ANY ((SELECT string_to_array(nullif(current_setting(''app.principal'', true), ''*''), '','')::uuid[])::uuid[])';
BEGIN
    EXECUTE format('CREATE POLICY principal ON attempt_budgets TO orderwire_api USING (%s) WITH CHECK (%s)', seen, seen);
END $$;
-- +goose StatementEnd
CREATE POLICY everything ON attempt_budgets TO orderwire_worker, orderwire_migrate USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON attempt_budgets TO orderwire_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON attempt_budgets TO orderwire_worker;
-- Rows of nobody in particular.
GRANT SELECT, INSERT, UPDATE ON address_budgets TO orderwire_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON address_budgets TO orderwire_worker;
