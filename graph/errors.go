package graph

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"runtime/debug"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/render"
	"github.com/orderwire/orderwire/internal/requestid"
)

const (
	internalMessage = "Something went wrong on our side. The request id helps us to find out what."
	unavailable     = "A part of the service does not answer. Try again in a moment."
)

// userErrors returns the domain's refusals in err, each in the form that build gives it. Any other error is returned as it is, and so is a
// refusal whose code the mutation's enum lacks, which then becomes INTERNAL; TestMutationCodes in schema/ finds such a code.
func userErrors[Code interface {
	~string
	IsValid() bool
}, E any](err error, build func(code Code, f *fault.Error) *E) ([]*E, error) {
	faults, ok := fault.UserErrors(err)
	if !ok {
		return nil, err
	}
	list := make([]*E, len(faults))
	for i, f := range faults {
		code := Code(f.Code)
		if !code.IsValid() {
			return nil, fmt.Errorf("%T has no value for: %w", code, err)
		}
		list[i] = build(code, f)
	}
	return list, nil
}

// orderNotCreated is orderCreateRefused with the total that the customer has not agreed to.
func orderNotCreated(err error) (*model.OrderCreatePayload, error) {
	payload, broken := orderCreateRefused(err)
	if changed, ok := errors.AsType[*order.PriceChanged](err); ok && broken == nil {
		payload.CurrentTotal = &changed.Current
	}
	return payload, broken
}

// retryAfter returns after how many seconds the same request may succeed, nil when that does not depend on time.
func retryAfter(f *fault.Error) *int {
	if seconds, ok := fault.RetryAfter(f); ok {
		return &seconds
	}
	return nil
}

// panicError is a panic of a resolver, with its stack.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// Recover is a graphql.RecoverFunc: it turns a resolver's panic into an error, which ErrorPresenter logs with its stack.
func Recover(_ context.Context, value any) error {
	return &panicError{value: value, stack: debug.Stack()}
}

// ErrorPresenter returns the function that makes the error for the client: a safe message, and in extensions.code one of package fault's
// codes of top-level errors. An unexpected error is INTERNAL with extensions.requestId, and is logged with its cause. It is UNAVAILABLE when
// a part that the server depends on does not answer.
func ErrorPresenter(logger *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		presented := graphql.DefaultErrorPresenter(ctx, err)
		shown := &gqlerror.Error{Path: presented.Path, Locations: presented.Locations, Extensions: map[string]any{}}
		f := classify(ctx, err, presented)
		// All others are the client's mistakes, which are not logged.
		//exhaustive:ignore
		switch f.Code {
		case fault.Internal:
			requestID := requestid.FromContext(ctx)
			if requestID == "" {
				requestID = requestid.New()
			}
			shown.Extensions["requestId"] = requestID
			attributes := []any{"error", err, "path", presented.Path.String(), "errorId", requestID}
			var panicked *panicError
			if errors.As(err, &panicked) {
				attributes = append(attributes, "stack", string(panicked.stack))
			}
			logger.ErrorContext(ctx, "GraphQL field failed", attributes...)
		case fault.Unavailable:
			if ctx.Err() == nil {
				logger.WarnContext(ctx, "GraphQL field unavailable", "error", err, "path", presented.Path.String())
			}
		default: // the client's mistake
		}
		maps.Copy(shown.Extensions, f.Extensions)
		shown.Message = f.Message
		shown.Extensions["code"] = string(f.Code)
		return shown
	}
}

// classify returns the error to show to the client.
func classify(ctx context.Context, err error, presented *gqlerror.Error) *fault.Error {
	var f *fault.Error
	switch {
	case errors.As(err, &f) && !f.IsUser() && f.Code != fault.Internal:
		return f
	case errors.Is(err, render.ErrTooLarge), errors.Is(err, render.ErrEnded): // budgeted then replaces the whole response
		return stopped(err, 0)
	case isUnavailable(err):
		return fault.New(fault.Unavailable, unavailable)
	case presented.Err == nil || presented.Extensions["code"] != nil:
		if own := ofGQLGen(ctx, presented); own != nil {
			return own
		}
	}
	if ctxErr := ctx.Err(); ctxErr != nil && errors.Is(err, ctxErr) {
		return fault.New(fault.Unavailable, unavailable)
	}
	return fault.New(fault.Internal, internalMessage)
}

// ofGQLGen returns an error of gqlgen's transports with its code, nil for any other error. All other mistakes in a document or its variables
// are found by the guard and by package coerce before execution.
func ofGQLGen(ctx context.Context, e *gqlerror.Error) *fault.Error {
	code, _ := e.Extensions["code"].(string)
	switch {
	case code != "":
		return fault.New(fault.Code(code), e.Message)
	case !graphql.HasOperationContext(ctx):
		return fault.New(fault.BadUserInput, e.Message) // of a transport
	default:
		return nil
	}
}

// isUnavailable reports whether err means that the database cannot be used now, or that the time for using it is over.
func isUnavailable(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) {
		return true
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // the connection ended in the middle of an answer
		return true
	}
	if strings.Contains(err.Error(), "sql: database is closed") { // has no exported value; the server is shutting down
		return true
	}
	var network net.Error
	if errors.As(err, &network) {
		return true
	}
	// PostgreSQL error codes, appendix A of its manual, by class: connection, a server that takes no writes, resources, operator intervention
	// (such as shutdown and statement timeout), and a lock that was not available.
	var state interface{ SQLState() string }
	if !errors.As(err, &state) {
		return false
	}
	code := state.SQLState()
	for _, prefix := range []string{"08", "25006", "53", "57", "55P03"} {
		if strings.HasPrefix(code, prefix) {
			return true
		}
	}
	return false
}

// messageOf returns the part of an error that a client may read.
func messageOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Message
	}
	return internalMessage
}
