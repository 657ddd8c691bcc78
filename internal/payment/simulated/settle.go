package simulated

import (
	"cmp"
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// claimSQL locks the payment and counts the call under its key. A statement that runs after it sees all that was
// committed for the payment. Order of locks: payment, then key, everywhere.
const claimSQL = `
WITH payment AS (
    INSERT INTO simulated.payments AS p (payment_id, order_id) VALUES ($2, $3)
    ON CONFLICT (payment_id) DO UPDATE SET order_id = p.order_id
    RETURNING p.payment_id
)
INSERT INTO simulated.operations AS o (key, operation, payment_id, refund_id, fingerprint)
SELECT $1::uuid, $4::text, payment_id, $5::uuid, $6::bytea FROM payment
ON CONFLICT (key) DO UPDATE SET calls = o.calls + 1
RETURNING coalesce(o.outcome, '') AS outcome, o.code, coalesce(o.charge, '') AS charge, o.captured, o.action_expires_at, o.calls,
    o.fingerprint = $6::bytea AS same_request`

const chargesSQL = `
SELECT reference, operation_key, status, code, amount, currency, captured, refunded, capture_method, method, action_expires_at,
    coalesce(status = 'ACTION_REQUIRED' AND action_expires_at <= statement_timestamp(), false) AS expired,
    (SELECT coalesce(sum(amount), 0) FROM simulated.refunds WHERE charge = c.reference AND status = 'PENDING')::bigint AS refunds_pending,
    (SELECT coalesce(sum(amount), 0) FROM simulated.disputes
        WHERE charge = c.reference AND status IN ('NEEDS_RESPONSE', 'UNDER_REVIEW', 'LOST'))::bigint AS withdrawn,
    EXISTS (SELECT FROM simulated.disputes WHERE charge = c.reference AND status IN ('NEEDS_RESPONSE', 'UNDER_REVIEW')) AS disputed
FROM simulated.charges c WHERE payment_id = $1 ORDER BY created_at, reference`

const refundSQL = `
INSERT INTO simulated.refunds (reference, charge, operation_key, refund_id, amount, status, code) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (reference) DO UPDATE SET status = excluded.status, code = excluded.code, updated_at = now()`

const disputeSQL = `
INSERT INTO simulated.disputes (reference, charge, amount, status, reason, respond_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (reference) DO UPDATE SET amount = excluded.amount, status = excluded.status, respond_by = excluded.respond_by, updated_at = now()`

// moveSQL changes a charge, journals what moved and puts the event into the outbox, in one statement, so that none is ever
// without the others.
const moveSQL = `
WITH changed AS (
    UPDATE simulated.charges SET
        status = $2, code = $3, updated_at = now(),
        captured = captured + CASE WHEN $4::text = 'CAPTURE' THEN $5::bigint ELSE 0 END,
        refunded = refunded + CASE $4::text WHEN 'REFUND' THEN $5::bigint WHEN 'REVERSAL' THEN -$5::bigint ELSE 0 END
    WHERE reference = $1
    RETURNING reference, payment_id
), event AS (
    INSERT INTO simulated.events (id, type, payment_id, reference, due_at)
    SELECT $7::uuid, $8::text, payment_id, reference, now() + $9::bigint * interval '1 microsecond' FROM changed
    WHERE $7::uuid IS NOT NULL
)
INSERT INTO simulated.entries (charge, operation_key, kind, amount)
SELECT reference, $6::uuid, $4::text, $5::bigint FROM changed WHERE $4::text <> ''`

const finishSQL = `
WITH voided AS (
    UPDATE simulated.payments SET voided_at = coalesce(voided_at, now()) WHERE payment_id = $2 AND $6::boolean
)
UPDATE simulated.operations SET outcome = $3, code = $4, charge = nullif($5::text, ''), captured = $7::bigint, decided_call = calls WHERE key = $1`

const lockPaymentSQL = `SELECT payment_id FROM simulated.payments WHERE payment_id = $1 FOR UPDATE`

// Capture takes call.Amount of what is held, at most 15 % more than that, and releases the rest if call.Final: Captured, also when it was
// captured already. Released when it is held no more. Refused with CodeProcessing, CodeActionRequired, CodeActionExpired or the charge's own
// code when there is nothing to capture.
// Errors are *RejectedError and *UnavailableError.
func (p *Provider) Capture(ctx context.Context, call payment.Call) (payment.Result, error) {
	return p.settle(ctx, call, payment.OperationCapture, captureRule)
}

// Void releases the payment, or what is still held of it: Released, or Captured when it took all of its money already, which a void cannot
// undo. Pending while a bank decides: once its look-up is NotFound, another void releases the payment.
//
// A void is remembered: an authorization of the payment that arrives after it, however late, is Refused with CodeVoided.
// A void of a payment that the provider never saw is Released for that reason, and a caller who gives up on a payment
// may rely on Released for good.
// Errors are *RejectedError and *UnavailableError.
func (p *Provider) Void(ctx context.Context, call payment.Call) (payment.Result, error) {
	return p.settle(ctx, call, payment.OperationVoid, voidRule)
}

// Refund gives call.Amount back: Refunded, or Pending for TokenDelayed. Partial refunds may be repeated, each under its own key, up to
// what was captured. Above that it is a *RejectedError with CodeRefundExceedsCaptured, and with CodeChargeDisputed while a dispute is open.
// Other errors are *UnavailableError.
func (p *Provider) Refund(ctx context.Context, call payment.Call) (payment.Result, error) {
	return p.settle(ctx, call, payment.OperationRefund, refundRule)
}

// settle runs one operation on the payment's charges, once per key. A rejection is stored like any other answer: a
// second call under its key that overtook it must not succeed after the first was told no.
func (p *Provider) settle(ctx context.Context, call payment.Call, operation payment.Operation, decide rule) (payment.Result, error) {
	call, err := check(call, operation)
	if err != nil {
		return payment.Result{}, err
	}
	if err := p.pause(ctx, call.Key); err != nil {
		return payment.Result{}, err
	}
	var a answer
	var events []outgoing
	err = p.inTx(ctx, func(tx *sqlx.Tx) error {
		refund := optional(call.RefundID)
		err := get(ctx, tx, p.stmt.claim, &a,
			call.Key, call.PaymentID, call.OrderID, string(operation), refund, fingerprint(call))
		if err != nil || !a.SameRequest || a.Outcome != "" || a.Calls <= p.undecidedCalls(call.Key, noFailure) {
			return err
		}
		var charges []charge
		if err := list(ctx, tx, p.stmt.charges, &charges, call.PaymentID); err != nil {
			return err
		}
		v := decide(charges, call)
		if events, err = p.apply(ctx, tx, v, id.Some(call.Key), call.Key, false); err != nil {
			return err
		}
		a.Outcome, a.Code, a.Charge, a.Captured = v.outcome, v.code, v.reference, v.captured
		_, err = tx.StmtxContext(ctx, p.stmt.finish).ExecContext(ctx,
			call.Key, call.PaymentID, string(v.outcome), v.code, v.reference, v.voids, v.captured)
		return err
	})
	if err != nil {
		return payment.Result{}, unavailable(err)
	}
	p.committed(ctx, events...)
	return p.answer(ctx, call.Key, a, noFailure)
}

// apply writes what a verdict changes and gives the events. operation is the key of the call that did it, none for what was done
// outside; the ids of the events follow from of. outside tells that no answer to a caller says what has moved.
func (p *Provider) apply(ctx context.Context, tx *sqlx.Tx, v verdict, operation id.Null[id.Attempt], of id.Attempt, outside bool) ([]outgoing, error) {
	events := make([]outgoing, 0, len(v.moves))
	for _, m := range v.moves {
		e := p.opts.Webhooks.outgoing(of, m.reference, cmp.Or(m.event, eventOf(m.status, m.kind)), outside)
		_, err := tx.StmtxContext(ctx, p.stmt.move).ExecContext(ctx,
			m.reference, string(m.status), m.code, string(m.kind), m.amount, operation,
			e.id, string(e.event), e.delay.Microseconds())
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	for i := range v.refunds {
		r := &v.refunds[i]
		if _, err := tx.ExecContext(ctx, refundSQL, r.Reference, v.reference, operation, optional(r.RefundID), r.Minor, string(r.Status), r.Code); err != nil {
			return nil, err
		}
	}
	for i := range v.disputes {
		d := &v.disputes[i]
		if _, err := tx.ExecContext(ctx, disputeSQL, d.Reference, v.reference, d.Minor, string(d.Status), d.Reason, d.RespondBy); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// committed is told of the events of a commit: SendWebhooks is woken or, with Chaos.Early, they are sent now.
func (p *Provider) committed(ctx context.Context, events ...outgoing) {
	if p.opts.Webhooks.URL == "" {
		return
	}
	p.sendEarly(ctx, p.opts.Webhooks.early(events...))
	for _, e := range events {
		if e.id.Valid {
			p.wakeSender()
			return
		}
	}
}

// inTx runs fn in a transaction of the ledger's own. After an error from it, whether it committed is unknown; every
// caller is safe to run again.
func (p *Provider) inTx(ctx context.Context, fn func(tx *sqlx.Tx) error) error {
	tx, err := p.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do; before, the first error counts
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// get reads one row with a prepared statement inside the transaction.
func get(ctx context.Context, tx *sqlx.Tx, stmt *sqlx.Stmt, into any, args ...any) error {
	return tx.StmtxContext(ctx, stmt).GetContext(ctx, into, args...) //nolint:sqlclosecheck // closed with the transaction
}

// list reads all rows, like get.
func list(ctx context.Context, tx *sqlx.Tx, stmt *sqlx.Stmt, into any, args ...any) error {
	return tx.StmtxContext(ctx, stmt).SelectContext(ctx, into, args...) //nolint:sqlclosecheck // closed with the transaction
}
