-- +goose NO TRANSACTION
-- +goose Up

-- The two lists of orphaned charges that staff read, newest first: those that were seen with money, and of these the ones that are not
-- settled. There may be many more that never had any. Built while charges are recorded; an index that an earlier attempt left
-- unfinished is made anew.
SET statement_timeout = 0;
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS orphaned_charges_detected;
CREATE INDEX CONCURRENTLY orphaned_charges_detected ON orphaned_charges (id) WHERE detected_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS orphaned_charges_unsettled;
CREATE INDEX CONCURRENTLY orphaned_charges_unsettled ON orphaned_charges (id) WHERE detected_at IS NOT NULL AND resolved_at IS NULL;
RESET statement_timeout;
RESET lock_timeout;
