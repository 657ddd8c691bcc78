-- +goose NO TRANSACTION
-- +goose Up

-- An endpoint's deliveries of one status, newest first; those of all endpoints are put together from it. It takes the place of an index
-- that left out the delivered ones, of which there are the most. Built while events are delivered; one that an earlier attempt left
-- unfinished is made anew.
SET statement_timeout = 0;
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS webhook_deliveries_by_status;
CREATE INDEX CONCURRENTLY webhook_deliveries_by_status ON webhook_deliveries (endpoint_id, status, id);
DROP INDEX CONCURRENTLY IF EXISTS webhook_deliveries_open;
RESET statement_timeout;
RESET lock_timeout;
