-- +goose Up

CREATE TABLE webhook_endpoints (
    id              uuid PRIMARY KEY,
    url             text NOT NULL CHECK (url <> ''),
    -- Empty: every type.
    event_types     text[] NOT NULL,
    description     text,
    enabled         boolean NOT NULL DEFAULT true,
    disabled_reason text,
    -- Events up to this position of the feed are not for this endpoint: it was made, or enabled again, after them.
    from_position   bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    CONSTRAINT reason_only_when_disabled CHECK (NOT enabled OR disabled_reason IS NULL)
);
COMMENT ON TABLE webhook_endpoints IS 'Where staff want events to be sent. Rows are disabled, never deleted: deliveries point to them.';

CREATE TABLE webhook_secrets (
    id          uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id),
    secret      bytea NOT NULL CHECK (length(secret) BETWEEN 24 AND 64),
    -- Null: the present one.
    expires_at  timestamptz
);
COMMENT ON TABLE webhook_secrets IS 'The keys an endpoint''s requests are signed with: the present one, and those it replaced while they are still good.';
CREATE UNIQUE INDEX webhook_secrets_one_present ON webhook_secrets (endpoint_id) WHERE expires_at IS NULL;
CREATE INDEX webhook_secrets_by_endpoint ON webhook_secrets (endpoint_id);

-- One row for each event and endpoint. The log is the outbox: rows are made from the feed, see webhook_fanout.
CREATE TABLE webhook_deliveries (
    id              uuid PRIMARY KEY,
    endpoint_id     uuid NOT NULL REFERENCES webhook_endpoints (id),
    event_id        uuid NOT NULL,
    event_type      text NOT NULL,
    -- The request's body, the same bytes in every attempt.
    body            bytea NOT NULL,
    status          text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'DELIVERED', 'FAILED')),
    -- Grows with every claim, before the request is made, and is the claim's fencing token.
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Attempts before the present round: a redelivery by hand begins the backoff anew.
    attempts_before integer NOT NULL DEFAULT 0 CHECK (attempts_before BETWEEN 0 AND attempts),
    response_status integer,
    next_attempt_at timestamptz,
    last_attempt_at timestamptz,
    leased_until    timestamptz,
    created_at      timestamptz NOT NULL,
    CONSTRAINT webhook_deliveries_once UNIQUE (endpoint_id, event_id),
    CONSTRAINT due_only_pending CHECK ((status = 'PENDING') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT leased_only_pending CHECK (status = 'PENDING' OR leased_until IS NULL)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at) WHERE status = 'PENDING';
-- Newest first is by id: it is a UUIDv7, so it sorts by time.
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (status, id) WHERE status <> 'DELIVERED';

-- One row: up to which position of the feed every event has its deliveries. It moves in the statement that inserts them,
-- and only from where its reader had found it. holder and leased_until only spare the other replicas the same reading.
CREATE TABLE webhook_fanout (
    singleton    boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    position     bigint NOT NULL,
    holder       text NOT NULL,
    leased_until timestamptz NOT NULL
);
INSERT INTO webhook_fanout (position, holder, leased_until) SELECT position, '', '-infinity' FROM event_log;
