package simulated

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// Complete ends the action of a sim_requires_action payment as its customer would: approved, it is Captured (automatic
// capture) or Held (manual); else Refused with CodeActionRefused. The answer is the state of the charge afterwards, so
// completing again changes nothing, and completing after the time is up gives Refused with CodeActionExpired, after a
// void Released. The caller of the payment learns of it by LookUp.
// Latency and FailureRate spare it: they are for callers that repeat.
// Errors are *RejectedError (CodeChargeNotFound) and *UnavailableError.
func (p *Provider) Complete(ctx context.Context, paymentID id.Payment, approve bool) (payment.Result, error) {
	return p.complete(ctx, paymentID, "", approve)
}

// complete is Complete for the charge with the reference; without one, for the payment's oldest that waits.
func (p *Provider) complete(ctx context.Context, paymentID id.Payment, reference string, approve bool) (payment.Result, error) {
	var v verdict
	var events []outgoing
	err := p.inTx(ctx, func(tx *sqlx.Tx) error {
		var locked id.Payment
		err := get(ctx, tx, p.stmt.lockPayment, &locked, paymentID)
		if errors.Is(err, sql.ErrNoRows) {
			v = reject(CodeChargeNotFound)
			return nil
		}
		if err != nil {
			return err
		}
		var charges []charge
		if err := list(ctx, tx, p.stmt.charges, &charges, paymentID); err != nil {
			return err
		}
		v = completeRule(charges, reference, approve)
		// The money moves on behalf of the authorization, which its charge names.
		for _, c := range charges {
			if c.Reference == v.reference {
				events, err = p.apply(ctx, tx, v, id.Some(c.OperationKey), c.OperationKey, true)
				return err
			}
		}
		return nil
	})
	if err != nil {
		return payment.Result{}, unavailable(err)
	}
	if v.outcome == rejected {
		return payment.Result{}, rejection(v.code)
	}
	p.committed(ctx, events...)
	return resultOf(v.outcome, v.reference, v.code, nil), nil
}
