package graph

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/render"
)

// budgeted bounds the bytes of each response, including each item of a subscription: a larger one is replaced by ANSWER_TOO_LARGE. A response
// whose time is over, or that no client waits for, is not built to its end. In both cases no part of it is sent: data is null (GraphQL
// specification, section 7.1.1). 0: no bound.
func budgeted(bytes int) graphql.ResponseMiddleware {
	return func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
		if bytes <= 0 {
			return next(ctx)
		}
		within, budget := render.WithBudget(ctx, bytes)
		response := next(within)
		if response == nil {
			return nil
		}
		err := budget.Err()
		if err == nil && sizeOf(response) > bytes {
			err = render.ErrTooLarge
		}
		if err == nil {
			return response
		}
		f := stopped(err, bytes)
		message := f.Message
		if f.Code == fault.AnswerTooLarge && isMutation(ctx) {
			message += " The mutation itself has been carried out."
		}
		return &graphql.Response{
			Data:   json.RawMessage("null"),
			Errors: gqlerror.List{{Err: f, Message: message, Extensions: map[string]any{"code": string(f.Code)}}},
		}
	}
}

// stopped returns the error in place of a response that was not built to its end.
func stopped(err error, bytes int) *fault.Error {
	if errors.Is(err, render.ErrEnded) {
		return fault.New(fault.Unavailable, unavailable)
	}
	return fault.New(fault.AnswerTooLarge, "The answer is larger than "+strconv.Itoa(bytes)+" bytes. Ask for smaller pages, or for less of each item.")
}

func isMutation(ctx context.Context) bool {
	if !graphql.HasOperationContext(ctx) {
		return false
	}
	operation := graphql.GetOperationContext(ctx).Operation
	return operation != nil && operation.Operation == ast.Mutation
}

// sizeOf is the size of a response's data and errors.
func sizeOf(response *graphql.Response) int {
	size := len(response.Data)
	if len(response.Errors) > 0 {
		raw, err := json.Marshal(response.Errors)
		if err != nil {
			return size
		}
		size += len(raw)
	}
	return size
}
