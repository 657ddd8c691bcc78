-- +goose NO TRANSACTION
-- +goose Up

-- What the foreign keys of the next migration need, built while orders are placed and changed. An index that an earlier attempt
-- left unfinished is made anew.
SET statement_timeout = 0;
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS orders_by_owner;
CREATE UNIQUE INDEX CONCURRENTLY orders_by_owner ON orders (customer_id, id);
DROP INDEX CONCURRENTLY IF EXISTS payments_of_order;
CREATE UNIQUE INDEX CONCURRENTLY payments_of_order ON payments (order_id, id);
DROP INDEX CONCURRENTLY IF EXISTS refunds_of_order;
CREATE UNIQUE INDEX CONCURRENTLY refunds_of_order ON refunds (order_id, id);
RESET statement_timeout;
RESET lock_timeout;
