-- +goose Up

LOCK TABLE payments IN ACCESS EXCLUSIVE MODE;

-- A customer may pay another way while a payment waits for them. The new payment waits until the earlier one's charge is voided.
ALTER TABLE payments ADD COLUMN waits boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN payments.waits IS 'INITIALIZING, and not begun before the charges of the order''s earlier payments are voided.';
