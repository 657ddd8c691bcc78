-- +goose Up

-- Takes over the keys that the partitions have, and gives one to each that comes.
ALTER TABLE order_events ADD CONSTRAINT order_events_of_owner FOREIGN KEY (customer_id, order_id) REFERENCES orders (customer_id, id);
