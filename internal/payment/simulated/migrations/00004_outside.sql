-- +goose Up
-- What others do to a charge: merchants in the provider's dashboard, and banks later.

-- Every refund of a charge, by a call or made outside.
CREATE TABLE simulated.refunds (
    reference     text        PRIMARY KEY CHECK (starts_with(reference, 'sim_re_')),
    charge        text        NOT NULL REFERENCES simulated.charges,
    -- The call that made it; NULL: it was made outside.
    operation_key uuid        UNIQUE REFERENCES simulated.operations,
    -- The caller's own id of it.
    refund_id     uuid,
    amount        bigint      NOT NULL CHECK (amount > 0),
    status        text        NOT NULL CHECK (status IN ('PENDING', 'SUCCEEDED', 'FAILED')),
    code          text        NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refunds_charge ON simulated.refunds (charge, created_at);
INSERT INTO simulated.refunds (reference, charge, operation_key, refund_id, amount, status, created_at, updated_at)
SELECT 'sim_re_' || replace(o.key::text, '-', ''), e.charge, o.key, o.refund_id, e.amount, 'SUCCEEDED', e.at, e.at
FROM simulated.entries e JOIN simulated.operations o ON o.key = e.operation_key
WHERE e.kind = 'REFUND';

CREATE TABLE simulated.disputes (
    reference  text        PRIMARY KEY CHECK (starts_with(reference, 'sim_dp_')),
    charge     text        NOT NULL REFERENCES simulated.charges,
    amount     bigint      NOT NULL CHECK (amount > 0),
    status     text        NOT NULL CHECK (status IN ('WARNING', 'NEEDS_RESPONSE', 'UNDER_REVIEW', 'WON', 'LOST')),
    reason     text        NOT NULL DEFAULT '',
    respond_by timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX disputes_charge ON simulated.disputes (charge, created_at);

-- PENDING: the bank decides later.
ALTER TABLE simulated.operations
    DROP CONSTRAINT operations_outcome_check,
    ADD CONSTRAINT operations_outcome_check CHECK (outcome IN
        ('ACTION_REQUIRED', 'PENDING', 'HELD', 'CAPTURED', 'REFUSED', 'RELEASED', 'REFUNDED', 'REJECTED')),
    -- What the charge had captured; set when the answer to a capture or a void is CAPTURED.
    ADD COLUMN captured bigint;
ALTER TABLE simulated.charges
    DROP CONSTRAINT charges_status_check,
    ADD CONSTRAINT charges_status_check CHECK (status IN ('ACTION_REQUIRED', 'PENDING', 'HELD', 'CAPTURED', 'REFUSED', 'RELEASED'));

-- What is done outside has no key. REVERSAL: a refund failed after it had succeeded. DISPUTE: a dispute withdrew the amount.
-- REINSTATEMENT: it was won, and the amount came back.
ALTER TABLE simulated.entries
    ALTER COLUMN operation_key DROP NOT NULL,
    DROP CONSTRAINT entries_kind_check,
    ADD CONSTRAINT entries_kind_check CHECK (kind IN
        ('AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND', 'REVERSAL', 'DISPUTE', 'REINSTATEMENT'));

-- +goose Down
DROP TABLE simulated.disputes, simulated.refunds;
ALTER TABLE simulated.operations DROP COLUMN captured;
