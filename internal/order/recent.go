package order

import (
	"github.com/orderwire/orderwire/internal/bytelru"
	"github.com/orderwire/orderwire/internal/id"
)

const (
	// recentBytes keeps more than a thousand orders of the usual size: those of the last minutes in a busy shop.
	recentBytes = 2 << 20
	// What an order takes beside its texts, about: itself with its place in the cache, and each part of it.
	recentSize, recentLine, recentPayment, recentPart = 1000, 120, 420, 240
)

// Recent remembers orders as this process has committed them last. It may be behind what other processes have committed, so
// it is only for Change.From. A nil *Recent remembers nothing.
type Recent struct {
	outcomes *bytelru.Cache[*Outcome]
}

// NewRecent returns an empty memory.
func NewRecent() *Recent {
	return &Recent{outcomes: bytelru.New[*Outcome](recentBytes)}
}

// Remember is told of each commit, in any order: of two of one order, the one told later is remembered.
func (r *Recent) Remember(committed Outcome) {
	o := committed.Order
	// Without its events: they have gone out.
	kept := Outcome{Order: &Order{Head: o.Head, State: o.State, CancelNote: o.CancelNote}, Revision: committed.Revision}
	r.outcomes.Add(string(o.ID[:]), &kept, o.size())
}

// of returns the last commit of the order; nil when that is not known.
func (r *Recent) of(orderID id.Order) *Outcome {
	if r == nil {
		return nil
	}
	known, _ := r.outcomes.Get(string(orderID[:]))
	return known
}

// size is about what the order takes in memory, in bytes.
func (o *Order) size() int {
	size := recentSize + o.Head.size() + len(o.Payments)*recentPayment
	for i := range o.Payments {
		size += (len(o.Payments[i].Refunds) + len(o.Payments[i].Attempts)) * recentPart
	}
	if o.CancelNote != nil {
		size += len(*o.CancelNote)
	}
	return size
}
