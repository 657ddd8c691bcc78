package order

import "context"

// Parts are the large parts of an order that not every reader needs. Reading one order with everything takes a millisecond or two
// when all of it is at its maximum, so a list of orders reads only what is asked of it.
type Parts struct{ Lines, Metadata, Refunds bool }

// AllParts is a whole order.
var AllParts = Parts{Lines: true, Metadata: true, Refunds: true}

type partsKey struct{}

// WithParts lets the lists of orders that are read in ctx leave out all parts but these. Such orders are for showing alone: what
// decides by an order, or keeps it, reads it whole.
func WithParts(ctx context.Context, parts Parts) context.Context {
	return context.WithValue(ctx, partsKey{}, parts)
}

// PartsOf returns the parts to read in ctx: all, unless WithParts says otherwise.
func PartsOf(ctx context.Context) Parts {
	if parts, ok := ctx.Value(partsKey{}).(Parts); ok {
		return parts
	}
	return AllParts
}
