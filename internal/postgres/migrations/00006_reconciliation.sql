-- +goose Up

-- Where a payment's money at the provider is not what our books say. At most one open row per payment; balances are
-- minor units.
CREATE TABLE reconciliation_differences (
    id                   uuid PRIMARY KEY,
    order_id             uuid NOT NULL REFERENCES orders (id),
    payment_id           uuid NOT NULL REFERENCES payments (id),
    currency             text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    captured_minor       bigint NOT NULL CHECK (captured_minor >= 0),
    refunded_minor       bigint NOT NULL CHECK (refunded_minor >= 0),
    their_captured_minor bigint NOT NULL CHECK (their_captured_minor >= 0),
    their_refunded_minor bigint NOT NULL CHECK (their_refunded_minor >= 0),
    detected_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When the payment was given to staff, as it stands here; NULL until then, so that a crash in between loses nothing.
    raised_at            timestamptz,
    resolved_at          timestamptz
);
COMMENT ON TABLE reconciliation_differences IS 'Found by comparing with the provider; resolved_at is when both agreed again. Rows are never deleted.';
CREATE UNIQUE INDEX reconciliation_differences_open ON reconciliation_differences (payment_id) WHERE resolved_at IS NULL;

-- Payments that have come to rest, by their last change: what a round walks. Steps before that do not touch it.
CREATE INDEX payments_at_rest ON payments (updated_at, id)
    WHERE status IN ('AUTHORIZED', 'CONFIRMED', 'DECLINED', 'VOIDED', 'EXPIRED');

-- One row: who reconciles (a lease on the database's clock, with a fence), when the last round began, and, while it is
-- under way, how far it has come, so that another replica goes on there.
CREATE TABLE reconciliation (
    singleton    boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    holder       text NOT NULL,
    fence        bigint NOT NULL,
    leased_until timestamptz NOT NULL,
    began_at     timestamptz NOT NULL,
    -- Payments up to (after_at, after_id) have been compared; NULL when no round is under way.
    after_at     timestamptz,
    after_id     uuid,
    CONSTRAINT one_position CHECK ((after_at IS NULL) = (after_id IS NULL))
);
INSERT INTO reconciliation (holder, fence, leased_until, began_at) VALUES ('', 0, '-infinity', '-infinity');
