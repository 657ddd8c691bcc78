package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// within ends queries and mutations that take longer than timeout, such as while they wait for a database connection: UNAVAILABLE. A commit
// that is under way may still succeed; a retry with the same idempotency key finds its result. Subscriptions have no timeout. 0: no limit.
func within(timeout time.Duration) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		if timeout == 0 || graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
			return next(ctx)
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		responses := next(ctx)
		return func(ctx context.Context) *graphql.Response {
			defer cancel()
			return responses(ctx)
		}
	}
}

// reading executes operations in the context that bounds returns.
func reading(bounds func(context.Context, ast.Operation) context.Context) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		if bounds == nil {
			return next(ctx)
		}
		return next(bounds(ctx, graphql.GetOperationContext(ctx).Operation.Operation))
	}
}
