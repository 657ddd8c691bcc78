package graph

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/coerce"
	"github.com/orderwire/orderwire/internal/gqlrequest"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/persisted"
	"github.com/orderwire/orderwire/internal/ratelimit"
)

// CostHeader is the request header that asks for extensions.cost, {"requested", "allowed"}, in the response. An operation on a websocket has
// no headers and asks with "cost": true in its own extensions.
const CostHeader = "GraphQL-Cost"

// checkedExecutor is gqlgen's executor behind the checks of documents. Every transport creates its operations here, so that every check holds for all
// transports: which documents may run, limits, validation, access to fields, and cost.
type checkedExecutor struct {
	*executor.Executor
	*subscriptions
	schema *ast.Schema
	// created is a copy of the values that gqlgen's executor puts into each operation.
	created *graphql.OperationContext
	// mistakes bounds the errors of variables that are reported at once.
	mistakes int
	guard    *guard.Guard
	// trusted are the only documents that run; nil: any.
	trusted   *persisted.Manifest
	automatic *persisted.Automatic
	rates     *ratelimit.Limits
}

// CreateOperationContext implements graphql.GraphExecutor.
func (g *checkedExecutor) CreateOperationContext(ctx context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	operation := &graphql.OperationContext{Headers: params.Headers, Extensions: params.Extensions}
	if err := g.rates.Operation(ctx); err != nil {
		return operation, limited(err)
	}
	reference, err := persisted.ParseReference(params.Extensions["persistedQuery"], params.Extensions[gqlrequest.DocumentID])
	if err == nil && g.trusted != nil {
		params.Query, err = g.trusted.Resolve(params.Query, reference, g.guard.CheckTokens)
	} else if err == nil {
		params.Query, err = g.automatic.Resolve(params.Query, reference)
	}
	if refused, ok := errors.AsType[*gqlerror.Error](err); ok {
		return operation, gqlerror.List{refused}
	}
	if err != nil {
		return operation, gqlerror.List{{Err: err, Message: err.Error()}}
	}
	document, errs := g.guard.Document(params.Query)
	if errs != nil {
		return operation, errs
	}
	g.automatic.Keep(params.Query, reference)
	selected, refused := document.Operation(params.OperationName)
	if refused != nil {
		return operation, gqlerror.List{refused}
	}
	operation.Operation = selected // for the transport, whose methods have a say, too
	if refused := document.CheckAccess(selected, auth.FromContext(ctx).Role); refused != nil {
		return operation, gqlerror.List{refused}
	}
	operation, errs = g.operation(ctx, params, document, selected)
	if errs != nil {
		return operation, errs
	}
	cost, expensive := document.Cost(operation.Operation, operation.Variables)
	operation.Stats.SetExtension(costKey, cost)
	if expensive != nil {
		return operation, gqlerror.List{expensive}
	}
	operation.Stats.SetExtension(briefKey, !document.Selects(selected, "Product.description"))
	if selected.Operation == ast.Query {
		operation.Stats.SetExtension(selectedKey, order.Parts{
			Lines: document.ReadsPart(selected, "Order.lines"), Metadata: document.ReadsPart(selected, "Order.metadata"), Refunds: document.ReadsPart(selected, "Order.refunds"),
		})
		operation.Stats.SetExtension(latestKey, !document.Selects(selected, "Order.payments") && !document.Selects(selected, "Refund.payment"))
	}
	if err := spend(ctx, g.rates, operation, cost.Requested); err != nil {
		return operation, limited(err)
	}
	return operation, nil
}

const (
	costKey, selectedKey = "cost", "selected"
	// latestKey says that of an order's payments only its latest is selected, besides those that the client asks for directly.
	latestKey = "latest"
	// briefKey says that no product's description is selected.
	briefKey = "brief"
)

// selected returns a context in which lists of orders are read without the parts that the query does not select.
func selected(ctx context.Context) context.Context { return selectedAnd(ctx, order.Parts{}) }

// selectedAnd is selected with parts that are read in any case.
func selectedAnd(ctx context.Context, needed order.Parts) context.Context {
	parts, ok := graphql.GetOperationContext(ctx).Stats.GetExtension(selectedKey).(order.Parts)
	if !ok {
		return ctx
	}
	return order.WithParts(ctx, order.Parts{
		Lines: parts.Lines || needed.Lines, Metadata: parts.Metadata || needed.Metadata, Refunds: parts.Refunds || needed.Refunds,
	})
}

// CostOf returns the cost of the context's operation, which the guard counts before execution; 0 before that.
func CostOf(ctx context.Context) int {
	cost, _ := graphql.GetOperationContext(ctx).Stats.GetExtension(costKey).(guard.Cost)
	return cost.Requested
}

// showCost is a graphql.ResponseMiddleware: it adds extensions.cost when the client asks for it. Items of subscriptions get none, because
// subscribers that do not ask share them.
func showCost(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	response := next(ctx)
	if response == nil || !graphql.HasOperationContext(ctx) {
		return response
	}
	operation := graphql.GetOperationContext(ctx)
	if operation.Operation != nil && operation.Operation.Operation == ast.Subscription && len(response.Data) > 0 {
		return response
	}
	asked, _ := operation.Extensions[costKey].(bool)
	cost, known := operation.Stats.GetExtension(costKey).(guard.Cost)
	if known && (asked || operation.Headers.Get(CostHeader) != "") {
		if response.Extensions == nil {
			response.Extensions = map[string]any{}
		}
		response.Extensions[costKey] = cost
	}
	return response
}

// operation returns the operation that gqlgen's executor runs, with its variables coerced. The executor's own coercion is not used, because it
// accepts enum values in any letter case, and null where it is not allowed.
func (g *checkedExecutor) operation(ctx context.Context, params *graphql.RawParams, document *guard.Document, selected *ast.OperationDefinition) (*graphql.OperationContext, gqlerror.List) {
	now := graphql.Now()
	operation := &graphql.OperationContext{
		RawQuery: params.Query, OperationName: params.OperationName, Extensions: params.Extensions, Headers: params.Headers,
		Doc: document.Query, Operation: selected,
		DisableIntrospection: g.created.DisableIntrospection, RecoverFunc: g.created.RecoverFunc,
		ResolverMiddleware: g.created.ResolverMiddleware, RootResolverMiddleware: g.created.RootResolverMiddleware,
		Stats: graphql.Stats{
			Read: params.ReadTime, OperationStart: graphql.GetStartTime(ctx),
			Parsing: graphql.TraceTiming{Start: now, End: now}, Validation: graphql.TraceTiming{Start: now},
		},
	}
	variables, errs := coerce.Variables(g.schema, selected, params.Variables, g.mistakes)
	operation.Stats.Validation.End = graphql.Now()
	if errs != nil {
		return operation, errs
	}
	operation.Variables = variables
	if refused := coerce.Conditions(selected, variables); refused != nil {
		return operation, gqlerror.List{refused}
	}
	return operation, nil
}

// created returns what gqlgen's executor puts into each operation and keeps to itself: its extensions and middleware.
func created(exec *executor.Executor) *graphql.OperationContext {
	ctx := graphql.StartOperationTrace(context.Background())
	operation, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: "{ __typename }"})
	if errs != nil {
		panic(errs) // every schema has it
	}
	return operation
}
