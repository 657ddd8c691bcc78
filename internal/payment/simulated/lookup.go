package simulated

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

const lookUpSQL = `
SELECT o.operation, o.payment_id, coalesce(o.outcome, '') AS outcome, o.code, coalesce(o.charge, '') AS charge, o.captured AS answered,
    coalesce(c.status, '') AS status, coalesce(c.code, '') AS charge_code, c.action_expires_at,
    coalesce(c.amount, 0) AS amount, coalesce(c.captured, 0) AS captured, coalesce(c.refunded, 0) AS refunded,
    coalesce(c.status = 'ACTION_REQUIRED' AND c.action_expires_at <= statement_timestamp(), false) AS expired,
    coalesce(r.status, '') AS refund_status, coalesce(r.code, '') AS refund_code,
    CASE WHEN o.operation = 'AUTHORIZE' AND c.captured > 0 THEN ` + refundsOfCharge + ` END AS refunds,
    CASE WHEN o.operation = 'AUTHORIZE' AND c.captured > 0 THEN ` + disputesOfCharge + ` END AS disputes
FROM simulated.operations o
    LEFT JOIN simulated.charges c ON c.reference = o.charge
    LEFT JOIN simulated.refunds r ON r.operation_key = o.key
WHERE o.key = $1`

// The newest refunds and disputes of the charge c as wireRefund and wireDispute, newest first: one more than payment.MaxSeen tells that
// there are more.
const (
	refundsOfCharge = `(SELECT json_agg(json_build_object('reference', l.reference, 'refundId', l.refund_id, 'amountMinor', l.amount,
        'status', l.status, 'code', l.code, 'createdAt', l.created_at))
    FROM (SELECT * FROM simulated.refunds WHERE charge = c.reference ORDER BY created_at DESC, reference DESC LIMIT 101) l)`
	disputesOfCharge = `(SELECT json_agg(json_build_object('reference', l.reference, 'amountMinor', l.amount, 'status', l.status,
        'reason', l.reason, 'respondBy', l.respond_by, 'createdAt', l.created_at))
    FROM (SELECT * FROM simulated.disputes WHERE charge = c.reference ORDER BY created_at DESC, reference DESC LIMIT 101) l)`
)

// seen is an operation in the ledger, with the present state of its charge.
type seen struct {
	Operation       payment.Operation `db:"operation"`
	PaymentID       id.Payment        `db:"payment_id"`
	Outcome         payment.Outcome   `db:"outcome"`
	Code            string            `db:"code"`
	Charge          string            `db:"charge"`
	Answered        *int64            `db:"answered"`
	Status          payment.Outcome   `db:"status"`
	ChargeCode      string            `db:"charge_code"`
	ActionExpiresAt *time.Time        `db:"action_expires_at"`
	Expired         bool              `db:"expired"`
	seenCharge
	RefundStatus payment.RefundStatus `db:"refund_status"`
	RefundCode   string               `db:"refund_code"`
}

// seenCharge is a charge's money, with its refunds and disputes as JSON.
type seenCharge struct {
	Amount   int64  `db:"amount"`
	Captured int64  `db:"captured"`
	Refunded int64  `db:"refunded"`
	Refunds  []byte `db:"refunds"`
	Disputes []byte `db:"disputes"`
}

func (s *seenCharge) charge(status payment.Outcome) (*payment.SeenCharge, error) {
	w := wireSeen{Captured: s.Captured, Refunded: s.Refunded}
	if status == payment.Held {
		w.Capturable = s.Amount - s.Captured
	}
	for _, list := range []struct {
		text []byte
		into any
	}{{s.Refunds, &w.Refunds}, {s.Disputes, &w.Disputes}} {
		if list.text == nil {
			continue
		}
		if err := json.Unmarshal(list.text, list.into); err != nil {
			return nil, unavailable(err)
		}
	}
	w.More = len(w.Refunds) > payment.MaxSeen || len(w.Disputes) > payment.MaxSeen
	w.Refunds, w.Disputes = w.Refunds[:min(len(w.Refunds), payment.MaxSeen)], w.Disputes[:min(len(w.Disputes), payment.MaxSeen)]
	slices.Reverse(w.Refunds)
	slices.Reverse(w.Disputes)
	return w.charge(), nil
}

// LookUp returns the outcome of the operation with call.Key. For an authorization that is its charge's current state:
// Captured, Held, ActionRequired, Pending, Refused, or Released after a void, with the Charge: a charge that was refunded
// is Captured, and its Charge has the refunds. An authorization that made no charge, such as one after a
// void, has no Charge. For a refund it is the refund's current state. For the other operations it is the answer they were given; one that
// was rejected is the same *RejectedError again; a void that came while a bank was deciding has the state of the charge. An authorization whose key is unknown is looked up by call.Reference, if there is one.
//
// NotFound: the provider did not see the operation, or failed before it decided anything; no money moved. A call still
// under way is NotFound too, so the answer to it is to repeat the same Call, never to make a new one.
// Errors are *RejectedError and *UnavailableError.
func (p *Provider) LookUp(ctx context.Context, call payment.Call) (payment.Result, error) {
	if call.Key.IsNil() || call.PaymentID.IsNil() {
		return payment.Result{}, invalid(CodeRequestInvalid, "a look-up needs the idempotency key and the payment id")
	}
	n := int(p.lookUps.Add(1))
	if err := errors.Join(p.pause(ctx, call.Key), p.failureOf(call.Key, n, noFailure).err(), p.pause(ctx, call.Key)); err != nil {
		return payment.Result{}, err
	}
	var s seen
	err := p.stmt.lookUp.GetContext(ctx, &s, call.Key)
	if key, ok := keyOf(call.Reference); ok && errors.Is(err, sql.ErrNoRows) && call.Operation == payment.OperationAuthorize {
		if err = p.stmt.lookUp.GetContext(ctx, &s, key); err == nil && s.PaymentID != call.PaymentID {
			err = sql.ErrNoRows
		}
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return payment.Result{Outcome: payment.NotFound}, nil
	case err != nil:
		return payment.Result{}, unavailable(err)
	case s.PaymentID != call.PaymentID, call.Operation != "" && s.Operation != call.Operation:
		return payment.Result{}, rejection(CodeKeyReused)
	}
	return p.seenResult(s)
}

func (p *Provider) seenResult(s seen) (payment.Result, error) {
	switch {
	case s.Outcome == "":
		return payment.Result{Outcome: payment.NotFound}, nil
	case s.Outcome == rejected:
		return payment.Result{}, rejection(s.Code)
	case s.Operation == payment.OperationAuthorize && s.Status != "":
		outcome, code := charge{Status: s.Status, Code: s.ChargeCode, Expired: s.Expired}.now()
		r := p.withAction(resultOf(outcome, s.Charge, code, s.ActionExpiresAt))
		var err error
		r.Charge, err = s.charge(outcome)
		return r, err
	case s.Operation == payment.OperationVoid && s.Outcome == payment.Pending:
		return s.waitingVoid(), nil
	case s.Operation == payment.OperationRefund && s.RefundStatus != "":
		return resultOf(refundOutcome(s.RefundStatus), s.Charge, s.RefundCode, nil), nil
	}
	r := resultOf(s.Outcome, s.Charge, s.Code, nil)
	r.Captured = s.Answered
	return r, nil
}

// waitingVoid is the state of a void that came while a bank was deciding.
func (s *seen) waitingVoid() payment.Result {
	r := payment.Result{Outcome: s.Status, Reference: s.Charge}
	switch {
	case s.Status == payment.Captured:
		r.Captured = &s.Captured
	case s.Status != payment.Pending && s.Status != payment.Released: // it can be released now, or nothing is left to release
		r.Outcome = payment.NotFound
	}
	return r
}

func refundOutcome(status payment.RefundStatus) payment.Outcome {
	switch status {
	case payment.RefundSucceeded:
		return payment.Refunded
	case payment.RefundFailed:
		return payment.Refused
	case payment.RefundPending:
	}
	return payment.Pending
}
