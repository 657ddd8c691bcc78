-- +goose Up
LOCK TABLE settings IN ROW EXCLUSIVE MODE;

-- Charges at a payment provider that no payment here stands for: see docs/decisions/0021-list-the-providers-charges.md.

-- Which of those who share an account at the provider this database is. A backup of before this migration gets the same id when it is
-- restored and migrated: products are never deleted, so the oldest is the same in all copies.
INSERT INTO settings (name, value)
SELECT 'installation', convert_to(coalesce(
    (SELECT md5('installation ' || id)::uuid FROM products ORDER BY id LIMIT 1), gen_random_uuid())::text, 'UTF8')
ON CONFLICT DO NOTHING;

-- One row for each provider: who walks its charges (a lease on the database's clock, with a fence), up to when they have been walked,
-- and, while a round is under way, what it covers and how far it has come. A restore brings an older row, so the next round covers
-- what was lost.
CREATE TABLE charge_walks (
    provider     text PRIMARY KEY,
    holder       text NOT NULL DEFAULT '',
    fence        bigint NOT NULL DEFAULT 0,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    began_at     timestamptz NOT NULL DEFAULT '-infinity',
    -- event_log.identity when the last round began: another one means that the database was restored.
    log_identity bigint,
    walked_until timestamptz NOT NULL,
    -- The round under way covers charges created within [from_at, until_at], the newest first, and has come to the place after.
    from_at      timestamptz,
    until_at     timestamptz,
    after        text,
    CONSTRAINT one_round CHECK ((from_at IS NULL) = (until_at IS NULL) AND (until_at IS NOT NULL OR after IS NULL))
);
GRANT SELECT, INSERT, UPDATE ON charge_walks TO orderwire_worker;

-- Charges carry the installation's mark from this version on. In a backup of before, that is since its newest order.
INSERT INTO charge_walks (provider, walked_until)
SELECT provider, coalesce((SELECT created_at FROM orders ORDER BY id DESC LIMIT 1), clock_timestamp())
FROM unnest(ARRAY['simulated', 'stripe']) AS provider;

CREATE TABLE orphaned_charges (
    id             uuid PRIMARY KEY,
    provider       text NOT NULL,
    reference      text NOT NULL,
    -- What the charge names; neither need be here.
    order_id       uuid NOT NULL,
    payment_id     uuid NOT NULL,
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor   bigint NOT NULL CHECK (amount_minor >= 0),
    captured_minor bigint NOT NULL CHECK (captured_minor >= 0),
    refunded_minor bigint NOT NULL CHECK (refunded_minor >= 0),
    status         text NOT NULL CHECK (status IN ('PENDING', 'AUTHORIZED', 'CAPTURED', 'REFUNDED', 'RELEASED')),
    charged_at     timestamptz NOT NULL,
    -- When it was first seen with money; NULL while it has none and may still take some.
    detected_at    timestamptz,
    -- When the provider was last asked after it.
    asked_at       timestamptz,
    -- When it was found settled: all given back, released, or its payment is here.
    resolved_at    timestamptz,
    CONSTRAINT orphaned_charges_once UNIQUE (provider, reference),
    CONSTRAINT with_money CHECK (detected_at IS NOT NULL OR status NOT IN ('AUTHORIZED', 'CAPTURED'))
);
COMMENT ON TABLE orphaned_charges IS 'Charges of this installation whose payment is not here. Rows are never deleted.';
CREATE INDEX orphaned_charges_open ON orphaned_charges (id) WHERE resolved_at IS NULL;
ALTER TABLE orphaned_charges ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY principal ON orphaned_charges TO orderwire_api
    USING ((SELECT current_setting('app.principal', true) = '*')) WITH CHECK ((SELECT current_setting('app.principal', true) = '*'));
CREATE POLICY everything ON orphaned_charges TO orderwire_worker, orderwire_migrate USING (true) WITH CHECK (true);
GRANT SELECT ON orphaned_charges TO orderwire_api;
GRANT SELECT, INSERT, UPDATE ON orphaned_charges TO orderwire_worker;
