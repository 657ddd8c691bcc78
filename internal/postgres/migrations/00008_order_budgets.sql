-- +goose Up

CREATE TABLE order_budgets (
    customer_id uuid PRIMARY KEY,
    spent_until timestamptz NOT NULL
);
COMMENT ON TABLE order_budgets IS 'What replicas have leased of the limit on each customer''s new orders, as a time: see LeaseOrders. Only customers who order a lot have a row, and not for long.';
