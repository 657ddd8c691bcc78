-- +goose Up

-- What providers told us by webhook: one row per event of theirs, however often they send it. Only what is needed to ask
-- the provider again is kept; bodies hold personal data and are not.
CREATE TABLE webhook_inbox (
    provider    text NOT NULL,
    event_id    text NOT NULL CHECK (event_id <> ''),
    type        text NOT NULL,
    payment_id  uuid,
    reference   text CHECK (reference <> ''),
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    status      text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'DONE', 'IGNORED', 'FAILED')),
    -- Claims so far. The last one is also the fence: a verdict counts only if its claim is still the last.
    claims      integer NOT NULL DEFAULT 0 CHECK (claims >= 0),
    -- When to look (again), on the database's clock. A claim moves it ahead, so it is the claim's lease too.
    due_at      timestamptz DEFAULT clock_timestamp(),
    -- Why it is not DONE; for operators.
    message     text NOT NULL DEFAULT '',
    finished_at timestamptz,
    PRIMARY KEY (provider, event_id),
    CONSTRAINT due_while_pending CHECK ((status = 'PENDING') = (due_at IS NOT NULL)),
    CONSTRAINT finished_when_not_pending CHECK ((status = 'PENDING') = (finished_at IS NULL))
);
COMMENT ON COLUMN webhook_inbox.status IS 'IGNORED: it concerns no payment of ours. FAILED: given up, see message; the reconciler still compares the payment.';
CREATE INDEX webhook_inbox_due ON webhook_inbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_inbox_finished ON webhook_inbox (finished_at) WHERE finished_at IS NOT NULL;

-- A provider's event may name its charge and not our payment.
CREATE INDEX payments_by_reference ON payments (provider_reference) WHERE provider_reference IS NOT NULL;
