-- +goose Up

CREATE TABLE revocations (
    customer_id uuid PRIMARY KEY,
    revoked_at  timestamptz NOT NULL
);
COMMENT ON TABLE revocations IS 'Up to which moment the tokens of a customer are void. Rows older than the longest token lifetime are deleted.';
-- Every replica asks for the newest ones once a second.
CREATE INDEX revocations_by_time ON revocations (revoked_at);

CREATE TABLE known_users (
    customer_id   uuid PRIMARY KEY,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE known_users IS 'Who has signed in here at least once, so that staff can tell a mistyped customer id. Holds nothing personal.';
