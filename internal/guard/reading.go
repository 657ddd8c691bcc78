package guard

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// reading has the costs of reading one order for an operation. A part that is selected of one order is read for all orders, so that
// one statement reads all parts of a kind.
type reading struct {
	// listed is the cost of an order in a list, named that of an order requested by id.
	listed, named int
	// attempts is the cost of one payment's attempts; allAttempts: those of all payments are read.
	attempts    int
	allAttempts bool
	// product is the cost of a product.
	product int
}

// readOrders returns the readings of a document's operations.
func (d *Document) readOrders() map[*ast.OperationDefinition]reading {
	all := map[*ast.OperationDefinition]reading{}
	for _, operation := range d.Query.Operations {
		r := reading{listed: orderLoad}
		for part, load := range partLoads {
			if d.ReadsPart(operation, part) {
				r.listed += load
			}
		}
		r.named = r.listed
		if !d.ReadsPart(operation, "Order.refunds") {
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

// ReadsPart reports whether an operation needs a part of its orders, such as Order.lines: it selects the part, or a field that is computed
// from it.
func (d *Document) ReadsPart(operation *ast.OperationDefinition, part string) bool {
	return d.Selects(operation, part) || slices.ContainsFunc(partsOf[part], func(field string) bool { return d.Selects(operation, field) })
}

// order returns the cost of each order that a root field reads.
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
