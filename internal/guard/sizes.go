package guard

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// The tables below have the maxima of the schema: the lengths of lists and texts, and the cost of reading a field. They hold the
// information of GraphQL's cost directives (@listSize and @cost, https://ibm.github.io/graphql-specs/cost-spec.html) in one place.
// TestSizes fails for a list or a text without an entry; add one with each new field.

// lists are the most items of lists that are no page of a connection, by "Type.field" or by the field's name alone.
var lists = map[string]int{
	"Order.lines":                100,
	"Order.payments":             20,  // order.MaxPayments
	"Order.refunds":              50,  // order.ShownRefunds
	"Order.disputes":             20,  // payment.MaxDisputes
	"Refund.lines":               100, // order.MaxItems
	"Order.metadata":             20,
	"Order.availableActions":     8,
	"Payment.attempts":           50,  // order.ShownAttempts
	"Query.nodes":                100, // counted by its ids where they are known
	"Stats.ordersByStatus":       5,
	"Stats.revenue":              200, // one for each currency
	"Stats.throughput":           48,
	"WebhookEndpoint.eventTypes": 64,
	"userErrors":                 250, // a few for each of 100 items and 20 entries of metadata
	"field":                      6,
}

// texts are the most characters of String fields, by "Type.field" or by the field's name alone. A character takes four bytes at
// most, escaped or not: control characters other than tab and line breaks are never stored.
var texts = map[string]int{
	"number": 11, "note": 500, "externalReference": 100, "key": 40, "value": 500, "name": 200, "sku": 64, "description": 2000,
	"image": 500, "provider": 40, "providerReference": 255, "reference": 255, "declineCode": 100, "url": 2048, "clientSecret": 500, "message": 600, "reason": 500,
	"cursor": 100, "startCursor": 100, "endCursor": 100, "nextCursor": 100, "action": 64, "detail": 2500, "disabledReason": 300, "problem": 300, "secret": 200, "field": 40,
}

// leaves are the most bytes of the other leaves, as JSON.
var leaves = map[string]int{
	"ID": 64, "Int": 12, "Boolean": 5, "DateTime": 29, "Int64": 22, "Decimal": 28, "CurrencyCode": 5, "EventCursor": 160,
}

// loads has the cost of reading a field, in addition to its objects: microseconds of CPU here or in the database, whichever is
// more, on data at its maxima (make worst measures them). By "Type.field"; for each item of a page or a list, or once.
var loads = map[string]int{
	"Order.events": 18, "Query.stats": 500, "Mutation.paymentsRecheck": 45_000, "Query.products": 50, "Query.auditTrail": 50, "Query.webhookEndpoints": 30, "Query.webhookDeliveries": 30,
}

// filterLoads has the additional cost of a filter, once: none of the rows that a page examines may match.
var filterLoads = map[string]int{"Query.orders": 20_000, "Query.products": 13_000}

// Reading orders. A part that an operation selects of any order is read for each order, so that one statement reads all parts of a
// kind: see orderLoad.
const (
	// orderLoad is that of an order with its payments, wholeOrderLoad that of one with all its parts.
	orderLoad      = 250
	wholeOrderLoad = 2300
	// attemptsLoad is for the attempts of one payment.
	attemptsLoad = 2000
	// mostProducts is the assumed number of products of a shop. They are read once for all lines.
	mostProducts     = 1000
	briefProductLoad = 10 // without its description
	productLoad      = 35
)

// partLoads are those of the parts that are read of an order only when they are selected.
var partLoads = map[string]int{"Order.lines": 1000, "Order.metadata": 350, "Order.refunds": 700}

// partsOf has for each part the fields elsewhere that are computed from it.
var partsOf = map[string][]string{"Order.lines": {"Refund.lines"}, "Order.refunds": {"OrderLine.refundedQuantity"}}

const (
	mostTextBytes = 4 // of a character
	// typeNameBytes is the longest answer to __typename.
	typeNameBytes = 48
)

// bound has the maxima of one field.
type bound struct {
	items  int // of a list, 0 if it is none or a page of a connection
	bytes  int // of one leaf
	load   int
	filter int  // the load of a filter
	orders bool // a field of an operation's root that leads to orders
	isPage bool // its items are as many as the connection around it has
	paged  bool // it is a connection
	known  bool // every list and text of it has an entry
}

// boundsOf looks all fields of a schema up once.
func boundsOf(schema *ast.Schema) map[*ast.FieldDefinition]bound {
	bounds, leads := map[*ast.FieldDefinition]bound{}, leadToOrders(schema)
	for _, definition := range schema.Types {
		if definition.Kind != ast.Object && definition.Kind != ast.Interface {
			continue
		}
		for _, field := range definition.Fields {
			b := boundOf(schema, definition, field)
			b.orders = definition == schema.Query || definition == schema.Mutation || definition == schema.Subscription
			b.orders = b.orders && leads[field.Type.Name()]
			bounds[field] = b
		}
	}
	return bounds
}

// leadToOrders are the types from which an order can be reached, Order included.
func leadToOrders(schema *ast.Schema) map[string]bool {
	leads := map[string]bool{"Order": true}
	for {
		known := len(leads)
		for _, definition := range schema.Types {
			for _, field := range definition.Fields {
				if leads[field.Type.Name()] {
					leads[definition.Name] = true
				}
			}
			for _, possible := range schema.GetPossibleTypes(definition) {
				if leads[possible.Name] {
					leads[definition.Name] = true
				}
			}
		}
		if len(leads) == known {
			return leads
		}
	}
}

func boundOf(schema *ast.Schema, definition *ast.Definition, field *ast.FieldDefinition) bound {
	look := func(table map[string]int) (int, bool) {
		n, ok := table[definition.Name+"."+field.Name]
		if !ok {
			n, ok = table[field.Name]
		}
		return n, ok
	}
	place := definition.Name + "." + field.Name
	b := bound{known: true, load: loads[place], filter: filterLoads[place]}
	named := field.Type.Name()
	b.paged = strings.HasSuffix(named, "Connection")
	if field.Type.Elem != nil {
		b.isPage = strings.HasSuffix(definition.Name, "Connection")
		if !b.isPage {
			b.items, b.known = look(lists)
		}
		if !b.known {
			b.items = maxPageSize
		}
	}
	switch of := schema.Types[named]; {
	case of == nil || of.IsCompositeType():
	case of.Kind == ast.Enum:
		for _, value := range of.EnumValues {
			b.bytes = max(b.bytes, len(value.Name)+2)
		}
	case named == "String":
		n, ok := look(texts)
		if !ok {
			n, b.known = 2000, false
		}
		b.bytes = mostTextBytes*n + 2
	default:
		n, ok := leaves[named]
		b.bytes, b.known = n, b.known && ok
	}
	return b
}
