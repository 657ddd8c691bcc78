-- +goose NO TRANSACTION
-- +goose Up

-- Money can be captured in parts, and more than is held if the provider allows it. Each statement can be run again after an attempt that
-- did not finish.
ALTER TABLE payment_attempts
    ADD COLUMN IF NOT EXISTS minor bigint NOT NULL DEFAULT 0 CHECK (minor >= 0),
    ADD COLUMN IF NOT EXISTS keeps_rest boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN payment_attempts.minor IS 'What a capture takes, in minor units; 0: the whole authorization.';
COMMENT ON COLUMN payment_attempts.keeps_rest IS 'What a capture leaves of the authorization stays held.';
ALTER TABLE payments
    DROP CONSTRAINT IF EXISTS payments_check, -- captured_minor BETWEEN 0 AND amount_minor
    DROP CONSTRAINT IF EXISTS payments_captured_minor_check,
    DROP CONSTRAINT IF EXISTS payments_goal_check,
    ADD CONSTRAINT payments_captured_minor_check CHECK (captured_minor >= 0) NOT VALID,
    ADD CONSTRAINT payments_goal_check CHECK (goal IN ('AUTHORIZED', 'CONFIRMED', 'VOIDED', 'EXPIRED')) NOT VALID;
SET statement_timeout = 0;
SET lock_timeout = 0;
ALTER TABLE payments VALIDATE CONSTRAINT payments_captured_minor_check;
ALTER TABLE payments VALIDATE CONSTRAINT payments_goal_check;
RESET statement_timeout;
RESET lock_timeout;
