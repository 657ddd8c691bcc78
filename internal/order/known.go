package order

import (
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/payment"
)

// Known returns an error that wraps fault.ErrNewer when the event or its state holds a value that this version does not know. The log
// is read as it is, because what it holds besides such an event is good; who is about to show or send an event asks first.
func (e *Event) Known() error {
	unknown := unknown{}
	check(&unknown, e.Type)
	check(&unknown, e.Actor.Kind)
	checkOptional(&unknown, e.Data.Attention)
	checkOptional(&unknown, e.Data.CancelReason)
	state := &e.Order.State
	check(&unknown, state.Status)
	checkOptional(&unknown, state.CancelReason)
	for i := range state.Payments {
		checkPayment(&unknown, &state.Payments[i])
	}
	return unknown.err
}

func checkPayment(u *unknown, p *payment.Payment) {
	check(u, p.Status)
	check(u, p.CaptureMethod)
	checkOptional(u, p.Attention)
	if p.Goal != "" {
		check(u, p.Goal)
	}
	for i := range p.Refunds {
		check(u, p.Refunds[i].Status)
		if p.Refunds[i].Origin != "" {
			check(u, p.Refunds[i].Origin)
		}
	}
	for i := range p.Disputes {
		check(u, p.Disputes[i].Status)
	}
}

// unknown collects the first unknown value.
type unknown struct{ err error }

func check[E fault.Enum](u *unknown, value E) {
	if u.err == nil {
		u.err = fault.Known(value)
	}
}

func checkOptional[E fault.Enum](u *unknown, value *E) {
	if value != nil {
		check(u, *value)
	}
}
