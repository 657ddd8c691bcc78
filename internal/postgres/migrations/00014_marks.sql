-- +goose Up

LOCK TABLE event_log, feed, feed_partitions IN ACCESS EXCLUSIVE MODE;

-- A log that is restored is another log, and cursors must tell. See docs/decisions/0019-cursors-with-a-log-fingerprint.md.
--
-- identity is the epoch that cursors carry: random, new where the log is found to be another one. mark is the fingerprint of all
-- events up to position: a random beginning, exclusive-or a hash of each event's id. It differs from 0, which means "not known".
-- Volatile defaults would be computed once a row anyway; there is one.
ALTER TABLE event_log ADD COLUMN identity bigint, ADD COLUMN mark bigint;
UPDATE event_log SET identity = hashtextextended(gen_random_uuid()::text, 0) & 9223372036854775807,
    mark = hashtextextended(gen_random_uuid()::text, 1) | 1;
ALTER TABLE event_log ALTER COLUMN identity SET NOT NULL, ALTER COLUMN mark SET NOT NULL;

-- NULL: the row is of a version that knew no marks.
ALTER TABLE feed ADD COLUMN mark bigint;

-- The mark of the position before first_position, which stays provable when its row has left.
ALTER TABLE feed_partitions ADD COLUMN mark_before bigint;
UPDATE feed_partitions p SET mark_before = l.mark FROM event_log l WHERE p.first_position = l.position + 1;
