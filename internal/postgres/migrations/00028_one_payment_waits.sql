-- +goose NO TRANSACTION
-- +goose Up

-- At most one payment of an order is active, and at most one waits for its end. A waiting payment begins in a later statement than the one that
-- ends the earlier payment, so the order of the rows within a statement does not matter.
SET statement_timeout = 0;
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS payments_one_active_one_waiting;
CREATE UNIQUE INDEX CONCURRENTLY payments_one_active_one_waiting ON payments (order_id, waits)
    WHERE status IN ('INITIALIZING', 'PROCESSING', 'REQUIRES_ACTION', 'AUTHORIZED');
DROP INDEX CONCURRENTLY IF EXISTS payments_one_active;
RESET statement_timeout;
RESET lock_timeout;
