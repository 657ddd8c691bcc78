package guard

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

// An operation has two sums. Both are upper bounds, with every list at its maximum length:
//
//   - its cost: the number of objects in the answer, plus the CPU time for reading them, in microseconds on data at its maxima (see
//     loads). MAX_COST thereby bounds the time. Leaves are free, since an object has a bounded number of them;
//   - its bytes: the keys and the longest values of all leaves. They are shown and refuse nothing: nearly every list could have
//     long texts and does not. The actual bytes are bounded while the answer is built (see package render).
const (
	// pageSize is the length of a page without first and last. maxPageSize is the longest page that the resolvers allow; a larger
	// first counts as maxPageSize, because the resolver reports that error.
	pageSize, maxPageSize = 20, 100
	// introspectionCost is the cost of a __schema or __type, and introspectionListCost that of each list below it, for each spread
	// of its fragment: everything below is read from memory, so the time depends on how often the schema is walked.
	// introspectionBytes is the bound of its bytes.
	introspectionCost, introspectionListCost, introspectionBytes = 5000, 4000, 1 << 20
	// mutationCost is added for a mutation, which writes.
	mutationCost = 1000
)

// Cost of an operation of the document with its coerced variables, saturating. It is COST_EXCEEDED above the limit; the
// first result is the cost in any case.
func (d *Document) Cost(operation *ast.OperationDefinition, variables map[string]any) (Cost, *gqlerror.Error) {
	total, ok := d.fixed[operation]
	if !ok {
		total = newCounting(d, variables).operation(operation)
	}
	cost := Cost{Requested: total.cost, Allowed: d.limit, Bytes: total.bytes}
	if total.cost <= d.limit {
		return cost, nil
	}
	f := fault.New(fault.CostExceeded, "The operation may cost "+number(total.cost)+"; one may cost "+number(d.limit)+
		". Ask for smaller pages, or for less of each item.").With("cost", cost)
	return cost, &gqlerror.Error{Err: f, Message: f.Message, Extensions: map[string]any{"code": string(f.Code)}}
}

// Limit returns the largest cost that an operation may have.
func (d *Document) Limit() int { return d.limit }

// Cost is shown in extensions.cost. Bytes are the most that data can have; an answer that stays below MAX_ANSWER_BYTES by that is
// never ANSWER_TOO_LARGE.
type Cost struct {
	Requested int `json:"requested"`
	Allowed   int `json:"allowed"`
	Bytes     int `json:"bytes"`
}

// size is the two sums of a part of an operation.
type size struct{ cost, bytes int }

func (s size) plus(other size) size { return size{sum(s.cost, other.cost), sum(s.bytes, other.bytes)} }

// fixedCosts counts the operations whose costs no variable changes, and keeps the sizes of all other parts that none changes.
func (d *Document) fixedCosts() map[*ast.OperationDefinition]size {
	costs := map[*ast.OperationDefinition]size{}
	d.parts = map[*ast.Field]size{}
	for _, operation := range d.Query.Operations {
		c := newCounting(d, nil)
		c.keeps = true
		if cost := c.operation(operation); !c.varies {
			costs[operation] = cost
		}
	}
	return costs
}

// counting walks an operation once: the size of a fragment is remembered for each length of the lists around it.
type counting struct {
	document  *Document
	variables map[string]any
	fragments map[fragmentKey]fragmentSize
	reading   reading
	// orders is the number of orders that are read.
	orders int
	// varies: a variable has been read.
	varies bool
	// keeps: what varies with no variable is put into the document's parts.
	keeps bool
}

type fragmentKey struct {
	definition *ast.FragmentDefinition
	page       int
}

type fragmentSize struct {
	size   size
	varies bool
}

func newCounting(d *Document, variables map[string]any) *counting {
	return &counting{document: d, variables: variables}
}

func (c *counting) operation(operation *ast.OperationDefinition) size {
	c.reading = c.document.readings[operation]
	total := c.selectionSet(operation.SelectionSet, 0).plus(size{bytes: len("{}")})
	if operation.Operation == ast.Mutation {
		total = total.plus(size{cost: mutationCost})
	}
	return total.plus(size{cost: c.reading.product * min(product(c.orders, lists["Order.lines"]), mostProducts)})
}

// selectionSet counts the selection of one object. page is the length of its nodes and edges when it is a connection,
// else 0.
func (c *counting) selectionSet(set ast.SelectionSet, page int) size {
	var total size
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			total = total.plus(c.field(selection, page))
		case *ast.InlineFragment:
			total = total.plus(c.selectionSet(selection.SelectionSet, page))
		case *ast.FragmentSpread:
			total = total.plus(c.fragment(selection.Definition, page))
		}
	}
	return total
}

func (c *counting) fragment(definition *ast.FragmentDefinition, page int) size {
	key := fragmentKey{definition, page}
	if known, ok := c.fragments[key]; ok {
		c.varies = c.varies || known.varies
		return known.size
	}
	before := c.varies
	c.varies = false
	total := c.selectionSet(definition.SelectionSet, page)
	if c.fragments == nil {
		c.fragments = map[fragmentKey]fragmentSize{}
	}
	c.fragments[key] = fragmentSize{total, c.varies}
	c.varies = c.varies || before
	return total
}

// field counts a field of one object: its key, and its value, as often as its list is long.
func (c *counting) field(field *ast.Field, page int) size {
	key := size{bytes: len(field.Alias) + len(`"":,`)}
	switch field.Name {
	case "__typename":
		if field.ObjectDefinition != nil && field.ObjectDefinition.Kind == ast.Object {
			return key.plus(size{bytes: len(field.ObjectDefinition.Name) + len(`""`)})
		}
		return key.plus(size{bytes: typeNameBytes})
	case "__schema", "__type":
		lists := introspectionLists(field.SelectionSet, map[*ast.FragmentDefinition]int{})
		return key.plus(size{sum(introspectionCost, product(lists, introspectionListCost)), introspectionBytes})
	}
	b := c.document.bounds[field.Definition]
	length, inside := 1, 0
	switch {
	case b.isPage:
		length = max(page, 1)
	case b.items > 0:
		length = c.listLength(field, b.items)
	case b.paged:
		inside = c.pageLength(field)
	}
	one := size{bytes: b.bytes}
	if len(field.SelectionSet) > 0 {
		one = size{cost: 1, bytes: len("{}")}.plus(c.below(field, inside))
	}
	items := length
	if b.paged {
		items = inside
	}
	load := product(b.load, items)
	if b.orders {
		// Ids that are known to be products' lead to none.
		products := c.productIDs(field)
		c.orders = sum(c.orders, items-products)
		load = sum(load, sum(product(items-products, c.reading.order(field)), product(products, loads["Query.products"])))
	}
	if b.filter > 0 && c.filtered(field) {
		load = sum(load, b.filter)
	}
	one.bytes = max(one.bytes, len("null"))
	if field.Definition.Type.Elem != nil {
		one.bytes = sum(one.bytes, len(","))
		key.bytes += len("[]")
	}
	return key.plus(size{sum(load, product(length, one.cost)), product(length, one.bytes)})
}

// introspectionLists counts the lists that are selected below __schema or __type. known has those of fragments.
func introspectionLists(set ast.SelectionSet, known map[*ast.FragmentDefinition]int) int {
	total := 0
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			if definition := selection.Definition; definition != nil && definition.Type.Elem != nil {
				total = sum(total, 1)
			}
			total = sum(total, introspectionLists(selection.SelectionSet, known))
		case *ast.InlineFragment:
			total = sum(total, introspectionLists(selection.SelectionSet, known))
		case *ast.FragmentSpread:
			lists, ok := known[selection.Definition]
			if !ok {
				lists = introspectionLists(selection.Definition.SelectionSet, known)
				known[selection.Definition] = lists
			}
			total = sum(total, lists)
		}
	}
	return total
}

// filtered reports whether a field has a filter.
func (c *counting) filtered(field *ast.Field) bool {
	filter := field.Arguments.ForName("filter")
	return filter != nil && c.value(filter.Value) != nil
}

// below counts the selection of the objects of a field.
func (c *counting) below(field *ast.Field, page int) size {
	if page > 0 { // first or last may be a variable
		return c.selectionSet(field.SelectionSet, page)
	}
	if total, ok := c.document.parts[field]; ok {
		return total
	}
	before := c.varies
	c.varies = false
	total := c.selectionSet(field.SelectionSet, 0)
	if c.keeps && !c.varies {
		c.document.parts[field] = total
	}
	c.varies = c.varies || before
	return total
}

// pageLength returns the page's length by first or last.
func (c *counting) pageLength(field *ast.Field) int {
	for _, name := range []string{"first", "last"} {
		argument := field.Arguments.ForName(name)
		if argument == nil {
			continue
		}
		switch length := whole(c.value(argument.Value)).(type) {
		case int64:
			return int(min(max(length, 1), maxPageSize))
		case nil: // null counts as not given
		default:
			return maxPageSize
		}
	}
	return pageSize
}

// listLength is that of a list argument, as in nodes(ids:), of which each item gives one, and most without one. The
// resolvers refuse more than that.
func (c *counting) listLength(field *ast.Field, most int) int {
	for _, argument := range field.Arguments {
		switch v := argument.Value; {
		case v.ExpectedType == nil || v.ExpectedType.Elem == nil:
		case v.Kind == ast.ListValue:
			return min(max(len(v.Children), 1), most)
		default:
			if list, ok := c.value(v).([]any); ok {
				return min(max(len(list), 1), most)
			}
		}
	}
	return most
}

// productIDs counts the ids in a list argument that name products.
func (c *counting) productIDs(field *ast.Field) int {
	argument := field.Arguments.ForName("ids")
	if argument == nil {
		return 0
	}
	ids, _ := c.value(argument.Value).([]any)
	products := 0
	for _, one := range ids[:min(len(ids), maxPageSize)] {
		if text, ok := one.(string); ok && strings.HasPrefix(text, string(id.ProductKind)+"_") {
			products++
		}
	}
	return products
}

// value of an argument; nil for null and for a variable that is absent, which the executor refuses where it must.
func (c *counting) value(v *ast.Value) any {
	if v.Kind == ast.Variable {
		c.varies = true
	}
	value, err := v.Value(c.variables)
	if err != nil { // a number that no integer holds
		return ""
	}
	return value
}

// whole is v as an int64 when it is a whole number; nil stays nil, and anything else is "".
func whole(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case int64:
		return v
	case int:
		return int64(v)
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
	}
	return ""
}
