package order

import (
	"time"

	"github.com/orderwire/orderwire/internal/payment"
)

// Due says when the pipeline has to look at an order again, and whether it needs a provider then.
type Due struct {
	// At is the earliest of all timers; nil when none runs.
	At *time.Time
	// Lane is the name of the provider that is to be asked at At; "" when none is.
	Lane string
	// OwnAt is the earliest timer that needs no provider, if Lane is set; nil when none runs.
	OwnAt *time.Time
}

// Due returns when the order is due. Attempts must be loaded.
func (o *Order) Due() Due {
	own := payment.Earlier(o.expiresAt(), o.DeliversAt)
	for i := range o.Payments {
		own = payment.Earlier(own, o.Payments[i].StepAt())
	}
	d := Due{At: own}
	for i := range o.Payments {
		if first := payment.Earlier(d.At, o.Payments[i].CallAt()); first != d.At {
			d = Due{At: first, Lane: o.Payments[i].Provider, OwnAt: own}
		}
	}
	return d
}

// DueAt is Due's At.
func (o *Order) DueAt() *time.Time { return o.Due().At }

// Advance makes every transition that is due at c.Now, and returns the next question to the provider that is due, or
// nil. It is pure: the next step depends on the order alone, so that after a crash any worker continues from the last commit.
func (o *Order) Advance(c Cause, policy Policy) (*payment.Work, error) {
	return o.AdvanceIf(c, policy, func(string) bool { return true })
}

// AdvanceIf is Advance with the providers that may be asked now. What is due for another stays due.
func (o *Order) AdvanceIf(c Cause, policy Policy, mayAsk func(provider string) bool) (*payment.Work, error) {
	c = c.by(ActorSystem)
	due := func(t *time.Time) bool { return t != nil && !t.After(c.Now) }
	if due(o.expiresAt()) {
		if err := o.Cancel(c, CancelledByExpiry); err != nil {
			return nil, err
		}
	}
	if due(o.DeliversAt) {
		if err := o.deliveryDue(c, policy); err != nil {
			return nil, err
		}
	}
	for i := range o.Payments {
		facts, err := o.Payments[i].Advance(o.terms(c, policy))
		if err != nil {
			return nil, err
		}
		if err := o.take(c, policy, i, facts); err != nil {
			return nil, err
		}
	}
	work := o.dueWork(c.Now, mayAsk)
	if work != nil {
		work.Call.OrderNumber = o.Number
	}
	return work, nil
}

// expiresAt returns the time at which the order expires. It does not while its payment waits for the provider, or for the void of an earlier
// one: an outage must not cost the customer the order.
func (o *Order) expiresAt() *time.Time {
	if o.waitsForVoid() {
		return nil
	}
	for i := range o.Payments {
		if o.Payments[i].AwaitsProvider() {
			return nil
		}
	}
	return o.ExpiresAt
}

// dueWork is the question that is due: of the attempt that was made first or, without one, about a charge.
func (o *Order) dueWork(now time.Time, mayAsk func(provider string) bool) *payment.Work {
	var of *payment.Payment
	var first *payment.Attempt
	for i := range o.Payments {
		if a := o.Payments[i].DueAttempt(now); a != nil && (first == nil || a.Older(first)) && mayAsk(o.Payments[i].Provider) {
			of, first = &o.Payments[i], a
		}
	}
	if first != nil {
		return of.Call(first)
	}
	for i := range o.Payments {
		if work := o.Payments[i].DueRecheck(now); work != nil && mayAsk(work.Provider) {
			return work
		}
	}
	return nil
}

// deliveryDue delivers the order whose timer has run out. Where staff deliver, or something holds the order, the timer was set before that
// was so, or by a replica of another version or setting: it ends without an event, because nothing has happened to the order.
func (o *Order) deliveryDue(c Cause, policy Policy) error {
	if policy.ManualDelivery || holdsDelivery(o.Payments) {
		o.DeliversAt = nil
		return nil
	}
	return o.Deliver(c)
}

// Deliver hands a confirmed order over. Delivering what is delivered changes nothing. The error is a
// *fsm.NotAllowedError in any other status.
func (o *Order) Deliver(c Cause) error {
	changes := Machine.Changes(o.Status, Deliver)
	if err := o.apply(Deliver); err != nil || !changes {
		return err
	}
	o.DeliversAt = nil
	o.record(c, OrderDelivered, EventData{})
	return nil
}

// apply makes the transition the Machine has for the action. It is the only place where an order's status changes.
func (o *Order) apply(action Action) error {
	next, err := Machine.Next(o.Status, action)
	if err != nil {
		return err
	}
	o.Status = next
	return nil
}
