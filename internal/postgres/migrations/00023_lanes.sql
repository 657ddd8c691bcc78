-- +goose NO TRANSACTION
-- +goose Up

-- Which provider an order waits for, so that a worker can leave those of a provider that does not answer and still find the others by
-- index. own_due_at is the earliest timer that needs no provider, where the earliest of all, due_at, does. Rows of the previous version are in
-- the lane '', where a worker notices that the provider is needed. Each statement can be run again after an attempt that did not finish.
ALTER TABLE order_work ADD COLUMN IF NOT EXISTS lane text NOT NULL DEFAULT '', ADD COLUMN IF NOT EXISTS own_due_at timestamptz;
SET statement_timeout = 0;
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS order_work_by_lane;
CREATE INDEX CONCURRENTLY order_work_by_lane ON order_work (lane, due_at);
DROP INDEX CONCURRENTLY IF EXISTS order_work_own;
CREATE INDEX CONCURRENTLY order_work_own ON order_work (own_due_at) WHERE own_due_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS order_work_due;
RESET statement_timeout;
RESET lock_timeout;
