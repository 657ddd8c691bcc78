-- +goose Up

-- To take over a partition's key drops its triggers, which upgrades the lock of orders to the strongest. A writer that waits in between
-- would be in a deadlock with it.
LOCK TABLE orders IN ACCESS EXCLUSIVE MODE;
LOCK TABLE order_events IN SHARE ROW EXCLUSIVE MODE;

-- Takes over the keys that the partitions have, and gives one to each that comes.
ALTER TABLE order_events ADD CONSTRAINT order_events_of_owner FOREIGN KEY (customer_id, order_id) REFERENCES orders (customer_id, id);
