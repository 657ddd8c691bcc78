package order

import (
	"github.com/orderwire/orderwire/internal/auth"
)

// Option is what a user may do next, as in the GraphQL enum OrderAction.
type Option string

// The options.
const (
	OptionCancel       Option = "CANCEL"
	OptionDeliver      Option = "DELIVER"
	OptionRetryPayment Option = "RETRY_PAYMENT"
)

// Options returns what the principal may do with the order in its state, read from the state machines.
func (o *Order) Options(p auth.Principal) []Option {
	options := []Option{}
	if !p.CanSee(o.CustomerID) {
		return options
	}
	if Machine.Changes(o.Status, Cancel) {
		options = append(options, OptionCancel)
	}
	if p.Staff() && Machine.Changes(o.Status, Deliver) {
		options = append(options, OptionDeliver)
	}
	if o.CanRetry() {
		options = append(options, OptionRetryPayment)
	}
	return options
}
