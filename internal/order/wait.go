package order

import (
	"slices"

	"github.com/orderwire/orderwire/internal/payment"
)

// replaceActive voids the active payment, if there is one: at once if it has not reached its provider, by an attempt if it waits for its
// customer.
func (o *Order) replaceActive(c Cause, policy Policy) error {
	p := o.activePayment()
	switch {
	case p == nil:
	case p.Unreached():
		return o.Void(c, policy, p)
	case p.CanCompleteAction():
		p.Replace(o.terms(c, policy))
	}
	return nil
}

// keepsWaiting reports whether a new payment has to wait, so that no two charges of the order can take money.
func (o *Order) keepsWaiting() bool {
	return slices.ContainsFunc(o.Payments, func(p payment.Payment) bool { return p.KeepsWaiting() })
}

// waiting is the payment that waits for the end of earlier ones, or nil.
func (o *Order) waiting() *payment.Payment {
	if p := o.activePayment(); p != nil && p.Waits {
		return p
	}
	return nil
}

// endWaiting lets the waiting payment begin once the earlier ones can take no money any more. If one of them has paid the order meanwhile, or the
// order is being cancelled, the waiting payment is voided: it was never sent. It is called after every answer of a provider and decides from
// the state alone.
func (o *Order) endWaiting(c Cause, policy Policy) error {
	p := o.waiting()
	switch {
	case p == nil:
	case o.Status != Created:
		facts, err := p.Void(o.terms(c, policy))
		if err != nil {
			return err
		}
		return o.take(c.by(ActorSystem), policy, o.indexOf(p.ID), facts)
	case o.keepsWaiting():
		p.WaitOn()
	case p.NextStepAt == nil:
		p.LetBegin(o.terms(c, policy))
		o.renewExpiry(c, policy)
	}
	return nil
}

// renewExpiry gives an order whose expiry has run out while its payment waited for a provider a whole new Policy.Expiry.
func (o *Order) renewExpiry(c Cause, policy Policy) {
	if o.ExpiresAt != nil && !o.ExpiresAt.After(c.Now) {
		o.ExpiresAt = at(c.Now.Add(policy.Expiry))
	}
}

// waitsForVoid reports whether a payment waits and the provider will be asked again to void an earlier one.
func (o *Order) waitsForVoid() bool {
	p := o.waiting()
	return p != nil && p.NextStepAt == nil && slices.ContainsFunc(o.Payments, func(p payment.Payment) bool { return p.AwaitsVoid() })
}
