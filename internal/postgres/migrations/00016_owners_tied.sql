-- +goose Up

-- Row-level security decides by the customer_id that stands in a row. Until now that a payment's is its order's was the
-- statements' business. Here the database sees to it: what belongs to an order belongs to the order's owner, a refund and an
-- attempt are of a payment of their own order, and nothing moves to another order or owner.

LOCK TABLE orders, payments, refunds, payment_attempts IN ACCESS EXCLUSIVE MODE;
LOCK TABLE order_events IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE order_work, reconciliation_differences IN ACCESS EXCLUSIVE MODE;

-- The unique indexes of migration 15 take the place of these.
DROP INDEX orders_by_customer;
ALTER INDEX orders_by_owner RENAME TO orders_by_customer;
DROP INDEX payments_by_order;
ALTER INDEX payments_of_order RENAME TO payments_by_order;
DROP INDEX refunds_by_order;
ALTER INDEX refunds_of_order RENAME TO refunds_by_order;

-- Each takes the place of a key with one column less, so a row costs no more looks than before. NOT VALID: rows that are
-- there are looked at by the next migration, beside the writers.
ALTER TABLE payments DROP CONSTRAINT payments_order_id_fkey,
    ADD CONSTRAINT payments_of_owner FOREIGN KEY (customer_id, order_id) REFERENCES orders (customer_id, id) NOT VALID;
ALTER TABLE refunds DROP CONSTRAINT refunds_order_id_fkey, DROP CONSTRAINT refunds_payment_id_fkey,
    ADD CONSTRAINT refunds_of_owner FOREIGN KEY (customer_id, order_id) REFERENCES orders (customer_id, id) NOT VALID,
    ADD CONSTRAINT refunds_of_payment FOREIGN KEY (order_id, payment_id) REFERENCES payments (order_id, id) NOT VALID;
ALTER TABLE payment_attempts DROP CONSTRAINT payment_attempts_order_id_fkey, DROP CONSTRAINT payment_attempts_payment_id_fkey,
    DROP CONSTRAINT payment_attempts_refund_id_fkey,
    ADD CONSTRAINT payment_attempts_of_owner FOREIGN KEY (customer_id, order_id) REFERENCES orders (customer_id, id) NOT VALID,
    ADD CONSTRAINT payment_attempts_of_payment FOREIGN KEY (order_id, payment_id) REFERENCES payments (order_id, id) NOT VALID,
    ADD CONSTRAINT payment_attempts_of_refund FOREIGN KEY (order_id, refund_id) REFERENCES refunds (order_id, id) NOT VALID;
ALTER TABLE order_work DROP CONSTRAINT order_work_order_id_fkey,
    ADD CONSTRAINT order_work_of_owner FOREIGN KEY (customer_id, order_id) REFERENCES orders (customer_id, id) NOT VALID;
ALTER TABLE reconciliation_differences DROP CONSTRAINT reconciliation_differences_payment_id_fkey,
    ADD CONSTRAINT reconciliation_differences_of_payment FOREIGN KEY (order_id, payment_id) REFERENCES payments (order_id, id) NOT VALID;

-- The log gets its key partition by partition, so that nobody waits while a large one is looked at; see migration 18.
-- +goose StatementBegin
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'order_events'::regclass LOOP
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT order_events_of_owner FOREIGN KEY (customer_id, order_id)
            REFERENCES orders (customer_id, id) NOT VALID', part);
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of % cannot move to another order or owner', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- They cost nothing: a trigger for columns is not even looked at by an UPDATE that does not set one of them.
CREATE TRIGGER orders_stay BEFORE UPDATE OF id, customer_id ON orders FOR EACH ROW
    WHEN ((NEW.id, NEW.customer_id) IS DISTINCT FROM (OLD.id, OLD.customer_id)) EXECUTE FUNCTION refuse_move();
CREATE TRIGGER payments_stay BEFORE UPDATE OF id, order_id, customer_id ON payments FOR EACH ROW
    WHEN ((NEW.id, NEW.order_id, NEW.customer_id) IS DISTINCT FROM (OLD.id, OLD.order_id, OLD.customer_id)) EXECUTE FUNCTION refuse_move();
CREATE TRIGGER refunds_stay BEFORE UPDATE OF id, order_id, customer_id, payment_id ON refunds FOR EACH ROW
    WHEN ((NEW.id, NEW.order_id, NEW.customer_id, NEW.payment_id) IS DISTINCT FROM (OLD.id, OLD.order_id, OLD.customer_id, OLD.payment_id))
    EXECUTE FUNCTION refuse_move();
CREATE TRIGGER payment_attempts_stay BEFORE UPDATE OF id, order_id, customer_id, payment_id, refund_id ON payment_attempts FOR EACH ROW
    WHEN ((NEW.id, NEW.order_id, NEW.customer_id, NEW.payment_id, NEW.refund_id)
        IS DISTINCT FROM (OLD.id, OLD.order_id, OLD.customer_id, OLD.payment_id, OLD.refund_id))
    EXECUTE FUNCTION refuse_move();
CREATE TRIGGER order_work_stay BEFORE UPDATE OF order_id, customer_id ON order_work FOR EACH ROW
    WHEN ((NEW.order_id, NEW.customer_id) IS DISTINCT FROM (OLD.order_id, OLD.customer_id)) EXECUTE FUNCTION refuse_move();
-- +goose StatementEnd
