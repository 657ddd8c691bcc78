// Package guard refuses documents that are too expensive to check or to execute. It checks in steps; each limits the work of the
// next:
//
//   - scan.go: the tokens and their number, so that no nesting reaches a parser that recurses;
//   - shape.go: nesting, aliases, directives, root fields and expanded fragments, each fragment counted once;
//   - validate.go: the rules of GraphQL, until enough mistakes are found;
//   - package access: who may select the fields;
//   - cost.go: how much one execution may read, with the sizes of its connections.
//
// A refusal never repeats more of the document than the names of fields, arguments and types.
package guard

import (
	"fmt"
	"math"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/access"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/bytelru"
	"github.com/orderwire/orderwire/internal/fault"
)

// Limits of one document. Fragments count as often as they are spread. A limit of 0 or less is none.
type Limits struct {
	// Tokens are counted as the GraphQL specification defines them (section 2.1.6), comments included.
	Tokens int
	// Depth is the deepest nesting of fields, leaves included, outside __schema and __type.
	Depth int
	// IntrospectionDepth is the same from __schema and __type on.
	IntrospectionDepth int
	// Aliases are fields under another name, and fields that are repeated within one selection set.
	Aliases int
	// Directives are uses of directives.
	Directives int
	// RootFields of one operation, __typename left out.
	RootFields int
	// MutationFields are the root fields of one mutation, __typename left out.
	MutationFields int
	// Fields are all fields of an operation.
	Fields int
	// Cost of one operation, as Document.Cost counts it.
	Cost int
	// Errors is after how many mistakes validation gives up.
	Errors int
}

// Defaults are the limits that fit the web app, GraphiQL and code generators with room to spare.
func Defaults() Limits {
	return Limits{
		Tokens: 1000, Depth: 12, IntrospectionDepth: 20, Aliases: 15, Directives: 10, RootFields: 5, MutationFields: 1,
		Fields: 500, Cost: 100_000, Errors: 5,
	}
}

// Config of a Guard.
type Config struct {
	// Schema to validate against. Required.
	Schema *ast.Schema
	Limits Limits
	// Introspection allows __schema and __type, and messages that suggest names.
	Introspection bool
	// CacheBytes bounds the memory of cached documents. A request with the text of a cached document costs one look-up. Each holds
	// 20 to 60 times its text. 0: none are kept.
	CacheBytes int
}

// Guard checks documents. Make it with New; it is safe for concurrent use.
type Guard struct {
	cfg       Config
	access    *access.Rules
	bounds    map[*ast.FieldDefinition]bound
	documents *bytelru.Cache[*Document]
}

// New makes a guard.
func New(cfg Config) *Guard {
	for _, limit := range []*int{
		&cfg.Limits.Tokens, &cfg.Limits.Depth, &cfg.Limits.IntrospectionDepth, &cfg.Limits.Aliases, &cfg.Limits.Directives,
		&cfg.Limits.RootFields, &cfg.Limits.MutationFields, &cfg.Limits.Fields, &cfg.Limits.Cost, &cfg.Limits.Errors,
	} {
		if *limit <= 0 {
			*limit = math.MaxInt
		}
	}
	return &Guard{cfg: cfg, access: access.New(cfg.Schema), bounds: boundsOf(cfg.Schema), documents: bytelru.New[*Document](cfg.CacheBytes)}
}

// Document is one that has passed. It is shared between requests: nothing may change it.
type Document struct {
	// Query is the parsed and validated document.
	Query *ast.QueryDocument

	bounds map[*ast.FieldDefinition]bound
	limit  int
	// fixed has the cost of operations whose cost does not depend on variables.
	fixed map[*ast.OperationDefinition]size
	// parts has the sizes of the selections below fields that no variable changes.
	parts map[*ast.Field]size
	// readings has the cost of reading an order for each operation.
	readings map[*ast.OperationDefinition]reading
	// selects has the fields that each operation selects, as "Type.field".
	selects map[*ast.OperationDefinition]map[string]struct{}
	// access has the access that each operation requires.
	access map[*ast.OperationDefinition]access.Verdict
}

// Document parses and validates a text, or returns it from the cache. The errors carry a *fault.Error each, with the code
// DOCUMENT_TOO_LARGE, DOCUMENT_TOO_COMPLEX, GRAPHQL_PARSE_FAILED or GRAPHQL_VALIDATION_FAILED.
func (g *Guard) Document(text string) (*Document, gqlerror.List) {
	if d, ok := g.documents.Get(text); ok {
		return d, nil
	}
	document, err := g.scan(text)
	if err != nil {
		return nil, gqlerror.List{err}
	}
	query, err := parse(document)
	if err != nil {
		return nil, gqlerror.List{err}
	}
	if err := g.checkShape(query); err != nil {
		return nil, gqlerror.List{err}
	}
	if errs := g.validate(query); errs != nil {
		return nil, errs
	}
	d := &Document{Query: query, bounds: g.bounds, limit: g.cfg.Limits.Cost, access: g.access.Operations(query)}
	d.selects = selectedFields(query)
	d.readings = d.readOrders()
	d.fixed = d.fixedCosts()
	g.documents.Add(text, d, len(text)+document.tokens*bytesPerToken)
	return d, nil
}

// CheckTokens refuses a text with too many or invalid tokens, without parsing it. Its error is a *gqlerror.Error, like that of
// Document.
func (g *Guard) CheckTokens(text string) error {
	if _, refused := g.scan(text); refused != nil {
		return refused
	}
	return nil
}

// bytesPerToken bounds the memory of a parsed and validated document for each token, measured with Go 1.26: 80 to 220 bytes.
const bytesPerToken = 250

// CheckAccess refuses an operation of the document to a caller whose role may not select all of its fields; see package access.
func (d *Document) CheckAccess(operation *ast.OperationDefinition, role auth.Role) *gqlerror.Error {
	return d.access[operation].Check(role)
}

// Selects reports whether an operation selects a field, as "Type.field".
func (d *Document) Selects(operation *ast.OperationDefinition, field string) bool {
	_, selects := d.selects[operation][field]
	return selects
}

// selectedFields are the fields that each operation selects, each fragment looked at once.
func selectedFields(query *ast.QueryDocument) map[*ast.OperationDefinition]map[string]struct{} {
	all := map[*ast.OperationDefinition]map[string]struct{}{}
	for _, operation := range query.Operations {
		fields, seen := map[string]struct{}{}, map[*ast.FragmentDefinition]struct{}{}
		var walk func(set ast.SelectionSet)
		walk = func(set ast.SelectionSet) {
			for _, selection := range set {
				switch selection := selection.(type) {
				case *ast.Field:
					if selection.ObjectDefinition != nil {
						fields[selection.ObjectDefinition.Name+"."+selection.Name] = struct{}{}
					}
					walk(selection.SelectionSet)
				case *ast.InlineFragment:
					walk(selection.SelectionSet)
				case *ast.FragmentSpread:
					if _, again := seen[selection.Definition]; !again {
						seen[selection.Definition] = struct{}{}
						walk(selection.Definition.SelectionSet)
					}
				}
			}
		}
		walk(operation.SelectionSet)
		all[operation] = fields
	}
	return all
}

// Operation is the one of the given name; "" stands for the only one.
func (d *Document) Operation(name string) (*ast.OperationDefinition, *gqlerror.Error) {
	if operation := d.Query.Operations.ForName(name); operation != nil {
		return operation, nil
	}
	if name == "" {
		return nil, refusal(fault.ValidationFailed, "The document has several operations: operationName has to say which one to run.", nil)
	}
	return nil, refusal(fault.ValidationFailed, "The document has no operation with that operationName.", nil)
}

// refusal is a fault as GraphQL reports it, with its place in the document.
func refusal(code fault.Code, message string, at *ast.Position) *gqlerror.Error {
	e := &gqlerror.Error{Err: fault.New(code, message), Message: message, Extensions: map[string]any{"code": string(code)}}
	if at != nil {
		e.Locations = []gqlerror.Location{{Line: at.Line, Column: at.Column}}
	}
	return e
}

func tooMany(what string, limit int) *gqlerror.Error {
	return refusal(fault.DocumentTooComplex, fmt.Sprintf("The document has more than %d %s.", limit, what), nil)
}

func number(n int) string { return strconv.Itoa(n) }
