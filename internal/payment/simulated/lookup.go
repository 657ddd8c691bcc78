package simulated

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

const lookUpSQL = `
SELECT o.operation, o.payment_id, coalesce(o.outcome, '') AS outcome, o.code, coalesce(o.charge, '') AS charge,
    coalesce(c.status, '') AS status, coalesce(c.code, '') AS charge_code, c.action_expires_at,
    coalesce(c.captured, 0) AS captured, coalesce(c.refunded, 0) AS refunded,
    coalesce(c.status = 'ACTION_REQUIRED' AND c.action_expires_at <= statement_timestamp(), false) AS expired
FROM simulated.operations o LEFT JOIN simulated.charges c ON c.reference = o.charge
WHERE o.key = $1`

// seen is an operation in the ledger, with the present state of its charge.
type seen struct {
	Operation       payment.Operation `db:"operation"`
	PaymentID       id.Payment        `db:"payment_id"`
	Outcome         payment.Outcome   `db:"outcome"`
	Code            string            `db:"code"`
	Charge          string            `db:"charge"`
	Status          payment.Outcome   `db:"status"`
	ChargeCode      string            `db:"charge_code"`
	ActionExpiresAt *time.Time        `db:"action_expires_at"`
	Captured        int64             `db:"captured"`
	Refunded        int64             `db:"refunded"`
	Expired         bool              `db:"expired"`
}

// LookUp returns the outcome of the operation with call.Key. For an authorization that is its charge's current state:
// Captured, Held, ActionRequired, Refused, or Released after a void, with the charge's Totals: a charge that was refunded
// is Captured, and its Totals have the refunded amount. An authorization that made no charge, such as one after a
// void, has no Totals. For the other operations it is the answer they were given; one that was rejected is the same
// *RejectedError again. An authorization whose key is unknown is looked up by call.Reference, if there is one.
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
		r.Charge = &payment.SeenCharge{Totals: payment.Totals{Captured: s.Captured, Refunded: s.Refunded}}
		return r, nil
	}
	return resultOf(s.Outcome, s.Charge, s.Code, nil), nil
}
