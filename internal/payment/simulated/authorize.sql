-- An authorization in one statement, and so in one round trip and one transaction. It acts once per key: run again, by
-- a caller who repeats or by a driver that lost the reply, it only counts the call and reads the stored answer.
-- Both upserts wait for a concurrent call with the same payment or key and then see what that call committed; the
-- statement's own snapshot would not.
-- $1 key, $2 payment, $3 order, $4 fingerprint, $5 reference of the charge, $6 amount, $7 currency, $8 capture method,
-- $9 token, $10 outcome and $11 code by the token's script, $12 how many calls fail before anything is
-- decided, $13 microseconds that the customer has to act, $14 order number, $15 id of the event to send (NULL: none),
-- $16 its type, $17 microseconds until it is due
WITH payment AS (
    INSERT INTO simulated.payments AS p (payment_id, order_id) VALUES ($2::uuid, $3::uuid)
    ON CONFLICT (payment_id) DO UPDATE SET order_id = p.order_id
    RETURNING p.voided_at IS NOT NULL AS voided
), decision AS (
    SELECT CASE WHEN voided THEN 'REFUSED' ELSE $10::text END AS outcome,
           CASE WHEN voided THEN 'voided' ELSE $11::text END AS code,
           CASE WHEN NOT voided THEN $5::text END AS charge,
           CASE WHEN NOT voided AND $10::text = 'ACTION_REQUIRED' THEN now() + $13::bigint * interval '1 microsecond' END AS action_expires_at
    FROM payment
), operation AS (
    INSERT INTO simulated.operations AS o (key, operation, payment_id, fingerprint, outcome, code, charge, action_expires_at, decided_call)
    SELECT $1::uuid, 'AUTHORIZE', $2::uuid, $4::bytea,
           CASE WHEN $12::integer >= 1 THEN NULL ELSE outcome END,
           CASE WHEN $12::integer >= 1 THEN '' ELSE code END,
           CASE WHEN $12::integer >= 1 THEN NULL ELSE charge END,
           CASE WHEN $12::integer >= 1 THEN NULL ELSE action_expires_at END,
           CASE WHEN $12::integer >= 1 THEN NULL ELSE 1 END
    FROM decision
    ON CONFLICT (key) DO UPDATE SET
        calls = o.calls + 1,
        (outcome, code, charge, action_expires_at, decided_call) = (
            SELECT d.outcome, d.code, d.charge, d.action_expires_at, o.calls + 1 FROM decision AS d
            WHERE o.outcome IS NULL AND o.fingerprint = excluded.fingerprint AND o.calls >= $12::integer
            UNION ALL
            SELECT o.outcome, o.code, o.charge, o.action_expires_at, o.decided_call
            WHERE o.outcome IS NOT NULL OR o.fingerprint <> excluded.fingerprint OR o.calls < $12::integer)
    RETURNING o.outcome, o.code, o.charge, o.action_expires_at, o.calls, o.decided_call, o.fingerprint = $4::bytea AS same_request
), charge AS (
    INSERT INTO simulated.charges (reference, operation_key, payment_id, order_id, amount, currency, capture_method, method, status, code, captured, action_expires_at, order_number)
    SELECT charge, $1::uuid, $2::uuid, $3::uuid, $6::bigint, $7::text, $8::text, $9::text, outcome, code,
           CASE WHEN outcome = 'CAPTURED' THEN $6::bigint ELSE 0 END, action_expires_at, $14::text
    FROM operation
    WHERE decided_call = calls AND charge IS NOT NULL AND same_request
    RETURNING reference, status, amount
), entry AS (
    INSERT INTO simulated.entries (charge, operation_key, kind, amount)
    SELECT reference, $1::uuid, CASE status WHEN 'CAPTURED' THEN 'CAPTURE' ELSE 'AUTHORIZE' END, amount
    FROM charge
    WHERE status IN ('CAPTURED', 'HELD')
), event AS (
    INSERT INTO simulated.events (id, type, payment_id, reference, due_at)
    SELECT $15::uuid, $16::text, $2::uuid, reference, now() + $17::bigint * interval '1 microsecond'
    FROM charge
    WHERE $15::uuid IS NOT NULL
)
SELECT coalesce(outcome, '') AS outcome, code, coalesce(charge, '') AS charge, action_expires_at, calls, same_request
FROM operation
