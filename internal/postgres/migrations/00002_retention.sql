-- +goose Up

-- The feed leaves by the partition, never by the row, so that it stays append-only. A partition is a range of positions;
-- the last one has no upper end, so that a position always finds its place. See retention.go.
ALTER TABLE feed RENAME TO feed_1;
DROP TRIGGER feed_append_only ON feed_1;
DROP INDEX feed_by_customer;
ALTER TABLE feed_1 RENAME CONSTRAINT feed_pkey TO feed_1_pkey;
ALTER TABLE feed_1 RENAME CONSTRAINT feed_order_id_version_key TO feed_1_order_id_version_key;
ALTER TRIGGER feed_no_truncate ON feed_1 RENAME TO feed_1_no_truncate;

-- Each partition has UNIQUE (order_id, version) for itself: a unique index of all would have to contain the position.
CREATE TABLE feed (
    position    bigint PRIMARY KEY CONSTRAINT feed_position_check CHECK (position >= 1),
    order_id    uuid NOT NULL,
    version     integer NOT NULL,
    customer_id uuid NOT NULL
) PARTITION BY RANGE (position);
CREATE INDEX feed_by_customer ON feed (customer_id, position);
CREATE TRIGGER feed_append_only BEFORE UPDATE OR DELETE ON feed
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_no_truncate BEFORE TRUNCATE ON feed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE feed ATTACH PARTITION feed_1 FOR VALUES FROM (MINVALUE) TO (MAXVALUE);

-- first_position and opened_at: everything in a partition was given its position before the next one was opened.
CREATE TABLE feed_partitions (
    number         bigint PRIMARY KEY,
    first_position bigint NOT NULL UNIQUE,
    opened_at      timestamptz NOT NULL
);
COMMENT ON TABLE feed_partitions IS 'The partitions of the feed, feed_<number>, from the oldest that is kept to the one that is written.';
INSERT INTO feed_partitions VALUES (1, 1, clock_timestamp());

-- Every row of the feed up to this position is of a transaction that event_log.seen covers, so the sequencer need not
-- look there for what it has placed already.
ALTER TABLE event_log ADD COLUMN settled bigint NOT NULL DEFAULT 0;
