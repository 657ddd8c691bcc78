-- +goose NO TRANSACTION
-- +goose Up

-- Disputes are found by their id. Few payments have one.
SET statement_timeout = 0;
SET lock_timeout = 0;
ALTER TABLE orders VALIDATE CONSTRAINT paid_when_confirmed;
ALTER TABLE payments VALIDATE CONSTRAINT captured_when_confirmed;
ALTER TABLE payments VALIDATE CONSTRAINT payments_attention_check;
DROP INDEX CONCURRENTLY IF EXISTS payments_disputed;
CREATE INDEX CONCURRENTLY payments_disputed ON payments USING gin (disputes jsonb_path_ops) WHERE disputes <> '[]';
RESET statement_timeout;
RESET lock_timeout;
