-- +goose Up

LOCK TABLE refunds IN ACCESS EXCLUSIVE MODE;

ALTER TABLE refunds ADD COLUMN lines jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN refunds.lines IS 'What of the order is refunded, as [{"position": 1, "quantity": 2}]; [] for a refund of an amount.';
