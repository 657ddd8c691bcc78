package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// within ends queries and mutations that take longer, as when they wait for a connection to the database: UNAVAILABLE. What
// is being committed is committed, and its idempotency key finds it. Subscriptions go on. 0: however long it takes.
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

// reading has operations read in the context of bounds.
func reading(bounds func(context.Context, ast.Operation) context.Context) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		if bounds == nil {
			return next(ctx)
		}
		return next(bounds(ctx, graphql.GetOperationContext(ctx).Operation.Operation))
	}
}
