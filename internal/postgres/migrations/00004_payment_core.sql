-- +goose Up

-- What a look at the charge, a void and a capture need to know after a crash.
ALTER TABLE payments
    ADD COLUMN goal text CHECK (goal IN ('CONFIRMED', 'VOIDED', 'EXPIRED')),
    ADD COLUMN recheck_at timestamptz,
    ADD COLUMN action_asked boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN payments.goal IS 'Where the capture or void under way is to lead; NULL when none is.';
COMMENT ON COLUMN payments.recheck_at IS 'When the charge is to be looked at, whatever we believe of it.';
COMMENT ON COLUMN payments.action_asked IS 'The customer had to act at some time, so completing the action again is a repeat.';
CREATE INDEX payments_needing_attention ON payments (id) WHERE attention IS NOT NULL;

ALTER TABLE payment_attempts ADD COLUMN look_up_only boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN payment_attempts.look_up_only IS 'The cap of calls is reached: from now on it is only looked up.';

-- A success that arrives after the order was cancelled is booked with the refund that gives it back, in one version.
ALTER TABLE orders DROP CONSTRAINT nothing_kept_when_cancelled;
ALTER TABLE orders ADD CONSTRAINT nothing_kept_when_cancelled
    CHECK (status <> 'CANCELLED' OR captured_minor = refunded_minor + refund_pending_minor);

CREATE TABLE audit_entries (
    id       uuid PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor_id uuid NOT NULL,
    action   text NOT NULL CHECK (action <> ''),
    subject  text,
    detail   text
);
COMMENT ON TABLE audit_entries IS 'What staff did, inserted by the statement of the change. subject is the public id (payment_01…).';
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Keys are pruned by age. Rows come in the order of time, so a few bytes per 16 pages find the old ones.
CREATE INDEX idempotency_keys_by_time ON idempotency_keys USING brin (created_at) WITH (pages_per_range = 16, autosummarize = on);
