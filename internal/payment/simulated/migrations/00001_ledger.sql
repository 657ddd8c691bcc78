-- +goose Up
-- The ledger of the simulated provider: what it was asked, what it answered, and every movement of money.
-- Amounts are minor units of the row's ISO 4217 currency; times are those of the database clock.

-- One row per payment the provider has heard of. Every operation locks it first, so operations on one payment run one
-- after the other, and a void can be remembered before there is any charge.
CREATE TABLE simulated.payments (
    payment_id uuid        PRIMARY KEY,
    order_id   uuid        NOT NULL,
    voided_at  timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One row per idempotency key, with the answer that repeats are given.
CREATE TABLE simulated.operations (
    key               uuid        PRIMARY KEY,
    operation         text        NOT NULL CHECK (operation IN ('AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND')),
    payment_id        uuid        NOT NULL REFERENCES simulated.payments,
    refund_id         uuid,
    fingerprint       bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),
    -- NULL: seen, and failed before anything was decided. REJECTED: the request itself was refused.
    outcome           text        CHECK (outcome IN ('ACTION_REQUIRED', 'HELD', 'CAPTURED', 'REFUSED', 'RELEASED', 'REFUNDED', 'REJECTED')),
    code              text        NOT NULL DEFAULT '',
    charge            text,
    action_expires_at timestamptz,
    -- Calls made with this key, and which of them decided.
    calls             integer     NOT NULL DEFAULT 1 CHECK (calls > 0),
    decided_call      integer     CHECK (decided_call BETWEEN 1 AND calls),
    at                timestamptz NOT NULL DEFAULT now(),
    CHECK ((outcome IS NULL) = (decided_call IS NULL)),
    CHECK (outcome <> 'ACTION_REQUIRED' OR action_expires_at IS NOT NULL)
);
CREATE INDEX operations_payment ON simulated.operations (payment_id);

-- Two charges of one payment, or two captured ones of one order, are possible here on purpose: a provider charges once
-- per key. The indexes are how tests and reconciliation find them.
CREATE TABLE simulated.charges (
    reference         text        PRIMARY KEY CHECK (starts_with(reference, 'sim_ch_')),
    operation_key     uuid        NOT NULL UNIQUE REFERENCES simulated.operations,
    payment_id        uuid        NOT NULL REFERENCES simulated.payments,
    order_id          uuid        NOT NULL,
    amount            bigint      NOT NULL CHECK (amount > 0),
    currency          text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    capture_method    text        NOT NULL CHECK (capture_method IN ('AUTOMATIC', 'MANUAL')),
    method            text        NOT NULL,
    status            text        NOT NULL CHECK (status IN ('ACTION_REQUIRED', 'HELD', 'CAPTURED', 'REFUSED', 'RELEASED')),
    code              text        NOT NULL DEFAULT '',
    captured          bigint      NOT NULL DEFAULT 0,
    refunded          bigint      NOT NULL DEFAULT 0,
    action_expires_at timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT charges_captured CHECK (captured BETWEEN 0 AND amount),
    CONSTRAINT charges_refunded CHECK (refunded BETWEEN 0 AND captured),
    CONSTRAINT charges_captured_status CHECK ((captured > 0) = (status = 'CAPTURED')),
    CONSTRAINT charges_action CHECK (status <> 'ACTION_REQUIRED' OR action_expires_at IS NOT NULL)
);
CREATE INDEX charges_payment ON simulated.charges (payment_id);
CREATE INDEX charges_order ON simulated.charges (order_id);

-- The journal. A charge's captured and refunded are the sums of its CAPTURE and REFUND entries.
CREATE TABLE simulated.entries (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    charge        text        NOT NULL REFERENCES simulated.charges,
    operation_key uuid        NOT NULL REFERENCES simulated.operations,
    kind          text        NOT NULL CHECK (kind IN ('AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND')),
    amount        bigint      NOT NULL CHECK (amount > 0),
    at            timestamptz NOT NULL DEFAULT now(),
    -- One operation moves the money of a charge at most once, whatever the code above gets wrong.
    UNIQUE (charge, operation_key)
);

-- +goose StatementBegin
CREATE FUNCTION simulated.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'simulated.entries is insert-only' USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER entries_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON simulated.entries
    FOR EACH STATEMENT EXECUTE FUNCTION simulated.refuse_change();

-- +goose Down
DROP TABLE simulated.entries, simulated.charges, simulated.operations, simulated.payments;
DROP FUNCTION simulated.refuse_change();
