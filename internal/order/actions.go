package order

import (
	"slices"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/payment"
)

// Option is an action that a user may take next, as in the GraphQL enum OrderAction.
type Option string

// The options.
const (
	OptionCancel         Option = "CANCEL"
	OptionDeliver        Option = "DELIVER"
	OptionRetryPayment   Option = "RETRY_PAYMENT"
	OptionCompleteAction Option = "COMPLETE_ACTION"
	OptionCapture        Option = "CAPTURE"
	OptionVoid           Option = "VOID"
	OptionRefund         Option = "REFUND"
	OptionResolve        Option = "RESOLVE"
)

// Options returns what the principal may do with an order in its state: what the mutations themselves ask.
func (s *Service) Options(p auth.Principal, o *Order) []Option { return o.Options(p, s.policy) }

// Options is the Service's.
func (o *Order) Options(p auth.Principal, policy Policy) []Option {
	options := []Option{}
	if !p.CanSee(o.CustomerID) {
		return options
	}
	active := o.activePayment()
	for _, may := range []struct {
		option Option
		is     bool
	}{
		{OptionCancel, Machine.Changes(o.Status, Cancel)},
		{OptionDeliver, p.Staff() && Machine.Changes(o.Status, Deliver)},
		{OptionRetryPayment, o.CanRetry() && len(o.Payments) < policy.maxPayments()},
		{OptionCompleteAction, active != nil && o.CanCompleteAction(active)},
		{OptionCapture, p.Staff() && active != nil && o.CanCapture(active)},
		{OptionVoid, p.Staff() && active != nil && o.CanVoid(active)},
		{OptionRefund, p.Staff() && o.CanRefund()},
		{OptionResolve, p.Staff() && o.needsPerson()},
	} {
		if may.is {
			options = append(options, may.option)
		}
	}
	return options
}

func (o *Order) needsPerson() bool {
	return slices.ContainsFunc(o.Payments, func(p payment.Payment) bool { return p.Attention != nil })
}
