package guard

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
)

// The cost of an operation is how many objects its answer may have, at most: each field of an object type counts once, as
// often as the lists around it are long. Leaves are free, since an object has a bounded number of them.
const (
	// pageSize is a connection's without first and last, maxPageSize what the resolvers refuse to exceed. The latter is for
	// them to say, so a larger one counts like it.
	pageSize, maxPageSize = 20, 100
	// listSize stands for the length of a list that is no connection's, such as an order's lines.
	listSize = 5
	// introspectionCost is that of a __schema or __type with all that is below it, which is read from memory.
	introspectionCost = 500
	// mutationCost is added for a mutation, which writes.
	mutationCost = 10
)

// Cost of an operation of the document with its coerced variables, saturating. It is COST_EXCEEDED above the limit; the
// first result is the cost in any case.
func (d *Document) Cost(operation *ast.OperationDefinition, variables map[string]any) (int, *gqlerror.Error) {
	cost, ok := d.fixed[operation]
	if !ok {
		cost = newCounting(d, variables).operation(operation)
	}
	if cost <= d.limit {
		return cost, nil
	}
	f := fault.New(fault.CostExceeded, "The operation may read "+number(cost)+" objects; one may read "+number(d.limit)+
		". Ask for smaller pages, or for less of each item.").With("cost", Cost{Requested: cost, Allowed: d.limit})
	return cost, &gqlerror.Error{Err: f, Message: f.Message, Extensions: map[string]any{"code": string(f.Code)}}
}

// Limit is what an operation may cost.
func (d *Document) Limit() int { return d.limit }

// Cost is shown in extensions.cost.
type Cost struct {
	Requested int `json:"requested"`
	Allowed   int `json:"allowed"`
}

// fixedCosts counts the operations whose costs no variable changes.
func (d *Document) fixedCosts() map[*ast.OperationDefinition]int {
	costs := map[*ast.OperationDefinition]int{}
	for _, operation := range d.Query.Operations {
		c := newCounting(d, nil)
		if cost := c.operation(operation); !c.varies {
			costs[operation] = cost
		}
	}
	return costs
}

// counting walks an operation once: the cost of a fragment is remembered for each length of the lists around it.
type counting struct {
	schema    *ast.Schema
	variables map[string]any
	fragments map[fragmentKey]int
	// varies: a variable has been read.
	varies bool
}

type fragmentKey struct {
	definition *ast.FragmentDefinition
	page       int
}

func newCounting(d *Document, variables map[string]any) *counting {
	return &counting{schema: d.schema, variables: variables}
}

func (c *counting) operation(operation *ast.OperationDefinition) int {
	cost := c.selectionSet(operation.SelectionSet, 0)
	if operation.Operation == ast.Mutation {
		cost = sum(cost, mutationCost)
	}
	return cost
}

// selectionSet counts what is selected of one object. page is the length of its nodes and edges when it is a connection,
// else 0.
func (c *counting) selectionSet(set ast.SelectionSet, page int) int {
	cost := 0
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			cost = sum(cost, c.field(selection, page))
		case *ast.InlineFragment:
			cost = sum(cost, c.selectionSet(selection.SelectionSet, page))
		case *ast.FragmentSpread:
			cost = sum(cost, c.fragment(selection.Definition, page))
		}
	}
	return cost
}

func (c *counting) fragment(definition *ast.FragmentDefinition, page int) int {
	key := fragmentKey{definition, page}
	if cost, ok := c.fragments[key]; ok {
		return cost
	}
	cost := c.selectionSet(definition.SelectionSet, page)
	if c.fragments == nil {
		c.fragments = map[fragmentKey]int{}
	}
	c.fragments[key] = cost
	return cost
}

func (c *counting) field(field *ast.Field, page int) int {
	switch {
	case field.Name == "__schema" || field.Name == "__type":
		return introspectionCost
	case len(field.SelectionSet) == 0:
		return 0
	}
	length, inside := 1, 0
	switch {
	case field.Definition.Type.Elem != nil && page > 0:
		length = page
	case field.Definition.Type.Elem != nil:
		length = c.listLength(field)
	case strings.HasSuffix(field.Definition.Type.NamedType, "Connection"):
		inside = c.pageLength(field)
	}
	return product(length, sum(1, c.selectionSet(field.SelectionSet, inside)))
}

// pageLength is what first or last asks for.
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

// listLength is that of a list argument, as in nodes(ids:), of which each item gives one.
func (c *counting) listLength(field *ast.Field) int {
	for _, argument := range field.Arguments {
		switch v := argument.Value; {
		case v.ExpectedType == nil || v.ExpectedType.Elem == nil:
		case v.Kind == ast.ListValue:
			return max(len(v.Children), 1)
		default:
			if list, ok := c.value(v).([]any); ok {
				return max(len(list), 1)
			}
		}
	}
	return listSize
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
