-- +goose Up
LOCK TABLE webhook_endpoints IN ACCESS EXCLUSIVE MODE;

ALTER TABLE webhook_endpoints
    -- When the first request failed after the last one that succeeded; NULL while requests succeed.
    ADD COLUMN failing_since timestamptz,
    -- No request is made before: the receiver asked for the pause (Retry-After).
    ADD COLUMN paused_until timestamptz,
    ADD COLUMN disabled_at timestamptz,
    -- Staff deleted it: nobody sees it any more, its secrets are gone, its deliveries and then its row are pruned.
    ADD COLUMN deleted_at timestamptz,
    ADD CONSTRAINT deleted_only_disabled CHECK (deleted_at IS NULL OR NOT enabled);
COMMENT ON TABLE webhook_endpoints IS 'Where staff want events to be sent. A deleted one stays for a while, because deliveries point to it.';
GRANT DELETE ON webhook_endpoints TO orderwire_worker;

-- The latest replay of each endpoint: events of the feed's positions after from_position, up to to_position, become deliveries again.
-- position says how far it has come. It moves in the statement that adds the deliveries, and only from where its reader found it.
CREATE TABLE webhook_replays (
    endpoint_id   uuid PRIMARY KEY REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    -- Tells one replay of an endpoint from the next.
    id            uuid NOT NULL,
    from_position bigint NOT NULL,
    position      bigint NOT NULL,
    to_position   bigint NOT NULL,
    -- Only events recorded at from_time or later, and before to_time. NULL: no bound.
    from_time     timestamptz,
    to_time       timestamptz,
    queued        bigint NOT NULL DEFAULT 0,
    missed        bigint NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL,
    finished_at   timestamptz,
    CONSTRAINT within_range CHECK (position BETWEEN from_position AND to_position),
    CONSTRAINT finished_at_the_end CHECK ((finished_at IS NOT NULL) = (position = to_position))
);
COMMENT ON TABLE webhook_replays IS 'Each endpoint''s latest replay of events.';
ALTER TABLE webhook_replays ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY principal ON webhook_replays TO orderwire_api
    USING ((SELECT current_setting('app.principal', true) = '*')) WITH CHECK ((SELECT current_setting('app.principal', true) = '*'));
CREATE POLICY everything ON webhook_replays TO orderwire_worker, orderwire_migrate USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_replays TO orderwire_api;
GRANT SELECT, UPDATE ON webhook_replays TO orderwire_worker;
