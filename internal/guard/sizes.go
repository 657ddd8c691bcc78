package guard

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// The tables below are the maxima of the schema: how long its lists can be, how long its texts, and what has to be read for a
// field. They are to GraphQL's cost directives (@listSize and @cost, https://ibm.github.io/graphql-specs/cost-spec.html) what a
// table is to annotations. TestSizes fails for a list or a text that has no entry; who adds a field to the schema adds it here.

// lists are the most items of lists that are no page of a connection, by "Type.field" or by the field's name alone.
var lists = map[string]int{
	"Order.lines":                100,
	"Order.payments":             20, // order.MaxPayments
	"Order.refunds":              50, // order.ShownRefunds
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
	"image": 500, "provider": 40, "providerReference": 255, "declineCode": 255, "url": 2048, "clientSecret": 500, "message": 600, "reason": 500,
	"cursor": 100, "startCursor": 100, "endCursor": 100, "action": 64, "detail": 2500, "disabledReason": 300, "secret": 200, "field": 40,
}

// leaves are the most bytes of the other leaves, as JSON.
var leaves = map[string]int{
	"ID": 64, "Int": 12, "Boolean": 5, "DateTime": 29, "Int64": 22, "Decimal": 28, "CurrencyCode": 5, "EventCursor": 160,
}

// loads are what reading costs beside the objects it gives, in the same unit, by "Type.field": for each item of a page or a list,
// or once.
var loads = map[string]int{
	"Query.order": 800, "Query.payment": 800, "Query.node": 800, "Query.nodes": 100, "Query.orders": 100, "Query.attention": 100,
	"Query.reconciliation": 100, "Order.lines": 350, "Order.metadata": 200, "Order.refunds": 150, "Order.events": 8, "Payment.attempts": 60, "Query.stats": 500,
}

const (
	mostTextBytes = 4 // of a character
	// typeNameBytes is the longest answer to __typename.
	typeNameBytes = 48
)

// bound is what one field can come to.
type bound struct {
	items  int // of a list, 0 if it is none or a page of a connection
	bytes  int // of one leaf
	load   int
	isPage bool // its items are as many as the connection around it has
	paged  bool // it is a connection
	known  bool // every list and text of it has an entry
}

// boundsOf looks all fields of a schema up once.
func boundsOf(schema *ast.Schema) map[*ast.FieldDefinition]bound {
	bounds := map[*ast.FieldDefinition]bound{}
	for _, definition := range schema.Types {
		if definition.Kind != ast.Object && definition.Kind != ast.Interface {
			continue
		}
		for _, field := range definition.Fields {
			bounds[field] = boundOf(schema, definition, field)
		}
	}
	return bounds
}

func boundOf(schema *ast.Schema, definition *ast.Definition, field *ast.FieldDefinition) bound {
	look := func(table map[string]int) (int, bool) {
		n, ok := table[definition.Name+"."+field.Name]
		if !ok {
			n, ok = table[field.Name]
		}
		return n, ok
	}
	b := bound{known: true, load: loads[definition.Name+"."+field.Name]}
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
