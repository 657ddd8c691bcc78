-- +goose Up

-- Ids are UUIDv7 made by the application, amounts are minor units of one ISO 4217 currency, times are UTC.
-- What a CHECK says here is said in the domain first; the database is the last wall.

CREATE TABLE settings (
    name  text PRIMARY KEY,
    value bytea NOT NULL
);
COMMENT ON TABLE settings IS 'Facts that all replicas share, such as the development signing key.';

CREATE TABLE products (
    id          uuid PRIMARY KEY,
    sku         text NOT NULL UNIQUE,
    name        text NOT NULL CHECK (name <> ''),
    description text NOT NULL,
    price_minor bigint NOT NULL CHECK (price_minor > 0),
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    image       text,
    archived_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE products IS 'The catalogue. Rows are archived, never deleted: orders point to them.';

CREATE TABLE orders (
    id                   uuid PRIMARY KEY,
    number               text NOT NULL UNIQUE,
    customer_id          uuid NOT NULL,
    status               text NOT NULL CHECK (status IN ('CREATED', 'CONFIRMED', 'DELIVERED', 'CANCELLING', 'CANCELLED')),
    version              integer NOT NULL CHECK (version >= 1),
    -- Grows with every save, those without an event included: the optimistic lock (see change.sql).
    revision             bigint NOT NULL DEFAULT 1,
    currency             text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    total_minor          bigint NOT NULL CHECK (total_minor > 0),
    captured_minor       bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
    refunded_minor       bigint NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
    refund_pending_minor bigint NOT NULL DEFAULT 0 CHECK (refund_pending_minor >= 0),
    cancel_reason        text CHECK (cancel_reason IN ('CUSTOMER', 'STAFF', 'EXPIRED')),
    cancel_note          text,
    -- The lines and the metadata never change and are only read with their order, so they are part of its row:
    -- [{productId, name, quantity, unitPrice, total}], [{key, value}].
    lines                jsonb NOT NULL CHECK (jsonb_array_length(lines) BETWEEN 1 AND 100),
    note                 text,
    external_reference   text,
    metadata             jsonb NOT NULL DEFAULT '[]',
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    expires_at           timestamptz,
    delivers_at          timestamptz,
    CONSTRAINT refunds_within_captured CHECK (refunded_minor + refund_pending_minor <= captured_minor),
    CONSTRAINT paid_when_confirmed CHECK (status NOT IN ('CONFIRMED', 'DELIVERED') OR captured_minor >= total_minor),
    CONSTRAINT reason_when_cancelled CHECK ((status IN ('CANCELLING', 'CANCELLED')) = (cancel_reason IS NOT NULL)),
    CONSTRAINT nothing_kept_when_cancelled CHECK (status <> 'CANCELLED' OR (refunded_minor = captured_minor AND refund_pending_minor = 0)),
    CONSTRAINT expires_only_unpaid CHECK (expires_at IS NULL OR status = 'CREATED'),
    CONSTRAINT delivers_only_confirmed CHECK (delivers_at IS NULL OR status = 'CONFIRMED')
);
COMMENT ON TABLE orders IS 'An order in its present version. No index names a column that a step changes, so steps are heap-only updates.';
-- Newest first is by id: it is a UUIDv7, so it sorts by time.
CREATE INDEX orders_by_customer ON orders (customer_id, id);
CREATE INDEX orders_by_external_reference ON orders (external_reference) WHERE external_reference IS NOT NULL;

CREATE TABLE payments (
    id                 uuid PRIMARY KEY,
    order_id           uuid NOT NULL REFERENCES orders (id),
    status             text NOT NULL CHECK (status IN ('INITIALIZING', 'PROCESSING', 'REQUIRES_ACTION', 'AUTHORIZED', 'CONFIRMED', 'DECLINED', 'VOIDED', 'EXPIRED')),
    amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
    currency           text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    captured_minor     bigint NOT NULL DEFAULT 0 CHECK (captured_minor BETWEEN 0 AND amount_minor),
    refunded_minor     bigint NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND captured_minor),
    provider           text NOT NULL,
    provider_reference text,
    capture_method     text NOT NULL CHECK (capture_method IN ('AUTOMATIC', 'MANUAL')),
    method             text NOT NULL,
    decline_code       text,
    next_action        jsonb,
    next_step_at       timestamptz,
    attention          text CHECK (attention IN ('UNKNOWN_OUTCOME', 'PROVIDER_DOWN', 'MISMATCH')),
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    CONSTRAINT captured_when_confirmed CHECK (status <> 'CONFIRMED' OR captured_minor = amount_minor),
    CONSTRAINT action_only_when_required CHECK (next_action IS NULL OR status = 'REQUIRES_ACTION')
);
COMMENT ON COLUMN payments.method IS 'The provider''s token for the means of payment; never a card number.';
CREATE INDEX payments_by_order ON payments (order_id);
CREATE UNIQUE INDEX payments_one_active ON payments (order_id)
    WHERE status IN ('INITIALIZING', 'PROCESSING', 'REQUIRES_ACTION', 'AUTHORIZED');

CREATE TABLE refunds (
    id           uuid PRIMARY KEY,
    order_id     uuid NOT NULL REFERENCES orders (id),
    payment_id   uuid NOT NULL REFERENCES payments (id),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status       text NOT NULL CHECK (status IN ('PENDING', 'SUCCEEDED', 'FAILED')),
    reason       text,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX refunds_by_order ON refunds (order_id);

CREATE TABLE payment_attempts (
    id           uuid PRIMARY KEY,
    order_id     uuid NOT NULL REFERENCES orders (id),
    payment_id   uuid NOT NULL REFERENCES payments (id),
    refund_id    uuid REFERENCES refunds (id),
    operation    text NOT NULL CHECK (operation IN ('AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND')),
    outcome      text CHECK (outcome IN ('SUCCESS', 'FAIL', 'UNKNOWN')),
    calls        integer NOT NULL CHECK (calls >= 0),
    message      text NOT NULL,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    next_call_at timestamptz,
    CONSTRAINT finished_with_outcome CHECK ((finished_at IS NULL) = (outcome IS NULL OR outcome = 'UNKNOWN')),
    CONSTRAINT no_call_when_finished CHECK (finished_at IS NULL OR next_call_at IS NULL),
    CONSTRAINT refund_has_its_attempt CHECK ((operation = 'REFUND') = (refund_id IS NOT NULL))
);
COMMENT ON TABLE payment_attempts IS 'One row per intended operation at the provider; its id is the idempotency key there, committed before the first call.';
CREATE INDEX payment_attempts_by_order ON payment_attempts (order_id);

-- One row per order that has a timer running. due_at is the earliest of them, computed from the order at each commit.
-- A worker claims it by a lease on the database clock, fenced by a token that never comes twice.
CREATE SEQUENCE order_work_token;
CREATE TABLE order_work (
    order_id     uuid PRIMARY KEY REFERENCES orders (id),
    due_at       timestamptz NOT NULL,
    leased_until timestamptz,
    token        bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX order_work_due ON order_work (due_at);

CREATE TABLE idempotency_keys (
    actor        uuid NOT NULL,
    operation    text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
    order_id     uuid NOT NULL,
    entity_id    uuid NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, operation, key)
);
COMMENT ON TABLE idempotency_keys IS 'Committed with the effect they stand for, and only then. Kept 24 hours or more.';

-- The event log. One row is one version of one order, inserted in the transaction of its change; nothing is ever
-- updated or deleted. An order's log leaves as a whole, with its partition: partitions are ranges of order ids, which
-- are UUIDv7 and so ranges of time.
CREATE TABLE order_events (
    order_id    uuid NOT NULL,
    version     integer NOT NULL CHECK (version >= 1),
    id          uuid NOT NULL,
    type        text NOT NULL,
    customer_id uuid NOT NULL,
    actor_kind  text NOT NULL CHECK (actor_kind IN ('CUSTOMER', 'STAFF', 'SYSTEM', 'PROVIDER')),
    actor_id    uuid,
    request_id  text NOT NULL,
    occurred_at timestamptz NOT NULL,
    -- What the event says (order.EventData) and the state as of its version (order.State).
    data        jsonb NOT NULL,
    state       jsonb NOT NULL,
    -- How the sequencer finds what was committed since it last looked; see event_log.
    log_epoch   integer NOT NULL,
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (order_id, version)
) PARTITION BY RANGE (order_id);
CREATE INDEX order_events_unsequenced ON order_events (log_epoch, xid);
CREATE TABLE order_events_default PARTITION OF order_events DEFAULT;

-- The feed: every event once, in one order that all readers agree on. A position is assigned after the commit, by the
-- one sequencer, so a reader that has seen position n never misses a smaller one. Neither a database sequence nor a
-- timestamp has that property.
CREATE TABLE feed (
    position    bigint PRIMARY KEY CHECK (position >= 1),
    order_id    uuid NOT NULL,
    version     integer NOT NULL,
    customer_id uuid NOT NULL,
    UNIQUE (order_id, version)
);
CREATE INDEX feed_by_customer ON feed (customer_id, position);

-- One row. epoch and fingerprint: a log that was restored from a backup is another log; cursors carry the epoch.
-- holder, fence, leased_until: who is the sequencer, on the database clock. A commit with an old fence changes nothing.
-- position and seen: the last position given out, and the snapshot whose visible events all have one.
CREATE TABLE event_log (
    singleton    boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch        integer NOT NULL,
    fingerprint  text NOT NULL,
    holder       text NOT NULL,
    fence        bigint NOT NULL,
    leased_until timestamptz NOT NULL,
    position     bigint NOT NULL,
    seen         pg_snapshot NOT NULL
);
INSERT INTO event_log (epoch, fingerprint, holder, fence, leased_until, position, seen)
VALUES (1, '', '', 0, '-infinity', 0, pg_current_snapshot());

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
CREATE TRIGGER order_events_append_only BEFORE UPDATE OR DELETE ON order_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER order_events_no_truncate BEFORE TRUNCATE ON order_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_append_only BEFORE UPDATE OR DELETE ON feed
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_no_truncate BEFORE TRUNCATE ON feed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
