package event

import (
	"github.com/orderwire/orderwire/internal/id"
)

// Scope selects whose orders a feed shows: one customer's (Of), or everybody's (the zero value). A customer id of zeros is
// still a customer's.
type Scope id.Null[id.Customer]

// Everybody is the scope of all orders.
var Everybody Scope

// Of is the scope of one customer's orders.
func Of(customerID id.Customer) Scope { return Scope(id.Some(customerID)) }
