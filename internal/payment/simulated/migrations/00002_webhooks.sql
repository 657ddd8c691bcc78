-- +goose Up
-- The outbox of webhooks: written in the transaction of the move that an event tells of, sent afterwards.
CREATE TABLE simulated.events (
    id           uuid        PRIMARY KEY,
    type         text        NOT NULL,
    payment_id   uuid        NOT NULL REFERENCES simulated.payments,
    reference    text        NOT NULL REFERENCES simulated.charges,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- Deliveries begun. Whoever finishes one says which it was, so that a sender that was held up changes nothing after
    -- another has taken over.
    tries        integer     NOT NULL DEFAULT 0 CHECK (tries >= 0),
    -- When to try (again), while it is tried: when the sender counts as dead. NULL: delivered, or given up.
    due_at       timestamptz,
    delivered_at timestamptz,
    CHECK (delivered_at IS NULL OR due_at IS NULL)
);
CREATE INDEX events_due ON simulated.events (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX events_payment ON simulated.events (payment_id);

-- What the provider keeps to itself. With "action" it makes the address of the page on which a customer completes an
-- action: two random UUIDs, 244 random bits.
CREATE TABLE simulated.secrets (
    name  text  PRIMARY KEY,
    value bytea NOT NULL
);
INSERT INTO simulated.secrets (name, value)
VALUES ('action', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

-- What the page calls the order: for people, not for programs.
ALTER TABLE simulated.charges ADD COLUMN order_number text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE simulated.charges DROP COLUMN order_number;
DROP TABLE simulated.secrets, simulated.events;
