-- Authorizations in one statement, and so in one round trip and one transaction. Each acts once per key: run again, by
-- a caller who repeats or by a driver that lost the reply, it only counts the call and reads the stored answer.
-- Both upserts wait for a concurrent call with the same payment or key and then see what that call committed; the
-- statement's own snapshot would not. Payments are locked in the order of their ids and keys in theirs, so that two batches
-- never wait for each other in a circle. No two of a batch have a key or a payment in common.
-- $1 keys, $2 payments, $3 orders, $4 fingerprints, $5 references of the charges, $6 amounts, $7 currencies, $8 capture methods,
-- $9 tokens, $10 outcomes and $11 codes by the tokens' scripts, $12 how many calls fail before anything is
-- decided, $13 order numbers, $14 ids of the events to send (NULL: none), $15 their types, $16 microseconds until they are due;
-- $17 installations (NULL: none); $18 microseconds that a customer has to act
WITH input AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[], $5::text[], $6::bigint[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::integer[], $13::text[], $14::uuid[], $15::text[], $16::bigint[], $17::uuid[])
        AS t (key, payment_id, order_id, fingerprint, reference, amount, currency, capture_method,
            method, outcome, code, undecided, order_number, event_id, event_type, event_delay, installation)
), payment AS (
    INSERT INTO simulated.payments AS p (payment_id, order_id) SELECT payment_id, order_id FROM input ORDER BY payment_id
    ON CONFLICT (payment_id) DO UPDATE SET order_id = p.order_id
    RETURNING p.payment_id, p.voided_at IS NOT NULL AS voided
), decision AS MATERIALIZED (
    SELECT i.key, i.payment_id, i.fingerprint, i.undecided,
           CASE WHEN voided THEN 'REFUSED' ELSE i.outcome END AS outcome,
           CASE WHEN voided THEN 'voided' ELSE i.code END AS code,
           CASE WHEN NOT voided THEN i.reference END AS charge,
           CASE WHEN NOT voided AND i.outcome = 'ACTION_REQUIRED' THEN now() + $18::bigint * interval '1 microsecond' END AS action_expires_at
    FROM input i JOIN payment USING (payment_id)
), operation AS (
    INSERT INTO simulated.operations AS o (key, operation, payment_id, fingerprint, outcome, code, charge, action_expires_at, decided_call)
    SELECT key, 'AUTHORIZE', payment_id, fingerprint,
           CASE WHEN undecided >= 1 THEN NULL ELSE outcome END,
           CASE WHEN undecided >= 1 THEN '' ELSE code END,
           CASE WHEN undecided >= 1 THEN NULL ELSE charge END,
           CASE WHEN undecided >= 1 THEN NULL ELSE action_expires_at END,
           CASE WHEN undecided >= 1 THEN NULL ELSE 1 END
    FROM decision ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
        calls = o.calls + 1,
        (outcome, code, charge, action_expires_at, decided_call) = (
            SELECT d.outcome, d.code, d.charge, d.action_expires_at, o.calls + 1 FROM decision AS d
            WHERE d.key = o.key AND o.outcome IS NULL AND o.fingerprint = d.fingerprint AND o.calls >= d.undecided
            UNION ALL
            SELECT o.outcome, o.code, o.charge, o.action_expires_at, o.decided_call FROM decision AS d
            WHERE d.key = o.key AND (o.outcome IS NOT NULL OR o.fingerprint <> d.fingerprint OR o.calls < d.undecided))
    RETURNING o.key, o.outcome, o.code, o.charge, o.action_expires_at, o.calls, o.decided_call, o.fingerprint
), answered AS MATERIALIZED (
    SELECT o.*, o.fingerprint = i.fingerprint AS same_request FROM operation o JOIN input i USING (key)
), charge AS (
    INSERT INTO simulated.charges (reference, operation_key, payment_id, order_id, amount, currency, capture_method, method, status, code, captured, action_expires_at, order_number, installation)
    SELECT a.charge, a.key, i.payment_id, i.order_id, i.amount, i.currency, i.capture_method, i.method, a.outcome, a.code,
           CASE WHEN a.outcome = 'CAPTURED' THEN i.amount ELSE 0 END, a.action_expires_at, i.order_number, i.installation
    FROM answered a JOIN input i USING (key)
    WHERE a.decided_call = a.calls AND a.charge IS NOT NULL AND a.same_request
    RETURNING reference, operation_key, status, amount
), entry AS (
    INSERT INTO simulated.entries (charge, operation_key, kind, amount)
    SELECT reference, operation_key, CASE status WHEN 'CAPTURED' THEN 'CAPTURE' ELSE 'AUTHORIZE' END, amount
    FROM charge
    WHERE status IN ('CAPTURED', 'HELD')
), event AS (
    INSERT INTO simulated.events (id, type, payment_id, reference, due_at)
    SELECT i.event_id, i.event_type, i.payment_id, c.reference, now() + i.event_delay * interval '1 microsecond'
    FROM charge c JOIN input i ON i.key = c.operation_key
    WHERE i.event_id IS NOT NULL
)
SELECT key, coalesce(outcome, '') AS outcome, code, coalesce(charge, '') AS charge, action_expires_at, calls, same_request
FROM answered
