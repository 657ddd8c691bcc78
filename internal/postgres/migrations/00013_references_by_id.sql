-- +goose NO TRANSACTION
-- +goose Up

-- A list of orders with one external reference is read in its order, newest first, whoever asks: thousands of orders may share one.
SET statement_timeout = 0;
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS orders_by_reference;
CREATE INDEX CONCURRENTLY orders_by_reference ON orders (external_reference, id) WHERE external_reference IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS orders_by_customer_reference;
CREATE INDEX CONCURRENTLY orders_by_customer_reference ON orders (customer_id, external_reference, id) WHERE external_reference IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS orders_by_external_reference;

-- The catalogue's list has no archived products, however many there are.
DROP INDEX CONCURRENTLY IF EXISTS products_offered;
CREATE INDEX CONCURRENTLY products_offered ON products (id) WHERE archived_at IS NULL;
RESET statement_timeout;
RESET lock_timeout;
