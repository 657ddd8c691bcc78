package order

import (
	"errors"

	"github.com/orderwire/orderwire/internal/id"
)

// Lease is the right to work on an order's due steps, held by one worker at a time. Token is the fencing token
// (Kleppmann, "How to do distributed locking", 2016): a commit with an older token than the last one given out fails.
type Lease struct {
	OrderID id.Order
	Token   int64
	// Lane is the lane that the order was claimed in: see Due. It is empty for a lease that was not claimed.
	Lane string
	// Hold keeps the lease after the next commit, because a call at the provider follows. Apply sets it.
	Hold bool
}

// ErrLeaseLost means that another worker has taken over: drop the order, another worker continues it.
var ErrLeaseLost = errors.New("lease lost")

// Want bounds the orders of a lane that a worker claims.
type Want struct {
	Lane  string
	Limit int
}
