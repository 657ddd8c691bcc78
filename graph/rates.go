package graph

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/ratelimit"
)

// spend charges an operation's cost to its user's rate limits.
func spend(ctx context.Context, rates *ratelimit.Limits, operation *graphql.OperationContext, cost int) error {
	if err := rates.Execution(ctx, cost); err != nil {
		return err
	}
	if operation.Operation.Operation != ast.Mutation {
		return nil
	}
	for _, field := range graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{"Mutation"}) {
		if field.Name != "orderCreate" {
			continue
		}
		if err := rates.Order(ctx); err != nil {
			return err
		}
	}
	return nil
}

// limited returns the errors of an operation that a limit on rates refused.
func limited(err error) gqlerror.List {
	e := &gqlerror.Error{Err: err, Message: unavailable, Extensions: map[string]any{"code": string(fault.Unavailable)}}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		e.Message, e.Extensions["code"] = f.Message, string(f.Code)
	}
	return gqlerror.List{e}
}

// comeAgain returns 429 in place of status when an error says when to retry, and 503 when a part that had to be asked first did not answer, and
// sets Retry-After. The rule of application/json that such a response is 200 (section 6.4.1) is for operations that were executed.
func comeAgain(h http.Header, status int, errs gqlerror.List) int {
	for _, e := range errs {
		if seconds, ok := fault.RetryAfter(e.Err); ok {
			h.Set("Retry-After", strconv.Itoa(seconds))
			return http.StatusTooManyRequests
		}
		if e.Extensions["code"] == string(fault.Unavailable) {
			h.Set("Retry-After", unavailableFor)
			return http.StatusServiceUnavailable
		}
	}
	return status
}

// unavailableFor is the number of seconds to wait for a database that did not answer.
const unavailableFor = "5"
