package guard

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// reading is what an operation reads of each order. What it selects of one is read of all of them, so that those of one kind are read
// by one statement.
type reading struct {
	// listed is what an order of a list takes, named one of those that are asked for by ids.
	listed, named int
	// attempts are what those of one payment take, and allAttempts says that all payments' are read.
	attempts    int
	allAttempts bool
	// product is what a product takes.
	product int
}

// readings are those of a document's operations.
func (d *Document) readOrders() map[*ast.OperationDefinition]reading {
	all := map[*ast.OperationDefinition]reading{}
	for _, operation := range d.Query.Operations {
		r := reading{listed: orderLoad}
		for part, load := range partLoads {
			if d.Selects(operation, part) {
				r.listed += load
			}
		}
		r.named = r.listed
		if !d.Selects(operation, "Order.refunds") {
			r.named += partLoads["Order.refunds"] // an id may be a refund's
		}
		if d.Selects(operation, "Payment.attempts") {
			r.attempts = attemptsLoad
		}
		r.allAttempts = operation.Operation != ast.Query || d.Selects(operation, "Order.payments") || d.Selects(operation, "Refund.payment")
		switch {
		case !d.Selects(operation, "OrderLine.product"):
		case d.Selects(operation, "Product.description"):
			r.product = productLoad
		default:
			r.product = briefProductLoad
		}
		all[operation] = r
	}
	return all
}

// order is what each order takes that a field of the root reads.
func (r reading) order(field *ast.Field) int {
	one, attempted := wholeOrderLoad, 2 // the latest payment's, and of the one that was asked for
	switch of := field.Definition.Type; {
	case field.ObjectDefinition.Name == "Subscription":
		one = orderLoad // an item's order comes with its event
	case of.Elem != nil:
		one = r.named
	case of.NamedType == "OrderConnection":
		one, attempted = r.listed, 1
	case strings.HasSuffix(of.NamedType, "Connection"):
		one = r.listed
	}
	if r.allAttempts {
		attempted = lists["Order.payments"]
	}
	return sum(one, product(attempted, r.attempts))
}
