-- +goose Up
-- Whose charge it is, when several installations charge at one provider; NULL: nobody said. Callers of before this have no mark.
ALTER TABLE simulated.charges ADD COLUMN installation uuid;
CREATE INDEX charges_created ON simulated.charges (created_at, reference);

-- +goose Down
DROP INDEX simulated.charges_created;
ALTER TABLE simulated.charges DROP COLUMN installation;
