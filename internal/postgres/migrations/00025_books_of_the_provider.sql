-- +goose Up

LOCK TABLE orders, payments, refunds, payment_attempts IN ACCESS EXCLUSIVE MODE;

-- What others do with a charge at the provider: refunds made outside, refunds that fail late, disputes, captures of a part, and
-- methods that take days.
ALTER TABLE orders ADD COLUMN disputed_minor bigint NOT NULL DEFAULT 0 CHECK (disputed_minor >= 0);
COMMENT ON COLUMN orders.disputed_minor IS 'What disputes have withdrawn: those that are lost, and open ones without the warnings.';
-- Money comes back to a cancelled order when a bank returns a refund, and a part can be captured at the provider.
ALTER TABLE orders DROP CONSTRAINT nothing_kept_when_cancelled, DROP CONSTRAINT paid_when_confirmed;
ALTER TABLE orders ADD CONSTRAINT paid_when_confirmed
    CHECK (status NOT IN ('CONFIRMED', 'DELIVERED') OR captured_minor > 0) NOT VALID;

ALTER TABLE payments
    ADD COLUMN disputes jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN delayed boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN payments.disputes IS 'The disputes of its charge, at most 20, as the provider tells them.';
COMMENT ON COLUMN payments.delayed IS 'PROCESSING at a bank that takes hours or days.';
ALTER TABLE payments DROP CONSTRAINT captured_when_confirmed, DROP CONSTRAINT payments_attention_check;
ALTER TABLE payments ADD CONSTRAINT captured_when_confirmed CHECK (status <> 'CONFIRMED' OR captured_minor > 0) NOT VALID,
    ADD CONSTRAINT payments_attention_check
    CHECK (attention IN ('UNKNOWN_OUTCOME', 'PROVIDER_DOWN', 'MISMATCH', 'DISPUTED', 'REFUND_REVERSED')) NOT VALID;

ALTER TABLE refunds
    ADD COLUMN origin text CHECK (origin IN ('STAFF', 'CANCEL', 'LATE_SUCCESS', 'PROVIDER')),
    ADD COLUMN provider_reference text;
COMMENT ON COLUMN refunds.origin IS 'Why it was made; NULL for refunds of earlier versions.';
COMMENT ON COLUMN refunds.provider_reference IS 'The provider''s id of the refund, once it was seen in the provider''s books.';

ALTER TABLE payment_attempts
    ADD COLUMN accepted boolean NOT NULL DEFAULT false,
    ADD COLUMN fresh_keys integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN payment_attempts.accepted IS 'The provider decides later: it is looked up and not called.';
COMMENT ON COLUMN payment_attempts.fresh_keys IS 'How often it needed another idempotency key because the provider keeps an error under the one before.';
