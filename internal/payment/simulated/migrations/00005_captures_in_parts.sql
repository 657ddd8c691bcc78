-- +goose Up
-- A charge can be captured in parts: one that is HELD may have taken money. The last part may be more than is held.
ALTER TABLE simulated.charges
    DROP CONSTRAINT charges_captured,
    DROP CONSTRAINT charges_captured_status,
    ADD CONSTRAINT charges_captured CHECK (captured BETWEEN 0 AND amount + amount / 100 * 15),
    ADD CONSTRAINT charges_captured_status CHECK (status = 'HELD' OR (captured > 0) = (status = 'CAPTURED'));
COMMENT ON COLUMN simulated.operations.captured IS 'What the charge had captured in all, as the answer says; NULL: the answer does not say it.';
