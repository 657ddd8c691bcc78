-- +goose NO TRANSACTION
-- +goose Up

-- Looks at the rows of before migration 16, without keeping anybody from writing.
SET statement_timeout = 0;
SET lock_timeout = 0;
ALTER TABLE payments VALIDATE CONSTRAINT payments_of_owner;
ALTER TABLE refunds VALIDATE CONSTRAINT refunds_of_owner;
ALTER TABLE refunds VALIDATE CONSTRAINT refunds_of_payment;
ALTER TABLE payment_attempts VALIDATE CONSTRAINT payment_attempts_of_owner;
ALTER TABLE payment_attempts VALIDATE CONSTRAINT payment_attempts_of_payment;
ALTER TABLE payment_attempts VALIDATE CONSTRAINT payment_attempts_of_refund;
ALTER TABLE order_work VALIDATE CONSTRAINT order_work_of_owner;
ALTER TABLE reconciliation_differences VALIDATE CONSTRAINT reconciliation_differences_of_payment;
-- +goose StatementBegin
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT conrelid FROM pg_constraint JOIN pg_inherits ON inhrelid = conrelid
        WHERE inhparent = 'order_events'::regclass AND conname = 'order_events_of_owner' AND NOT convalidated
    LOOP
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT order_events_of_owner', part);
    END LOOP;
END $$;
-- +goose StatementEnd
RESET statement_timeout;
RESET lock_timeout;
