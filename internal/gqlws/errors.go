package gqlws

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/requestid"
	"github.com/orderwire/orderwire/internal/stream"
)

// end ends an operation with the error of its source.
func (c *conn) end(op *operation, err error) {
	var slow *stream.SlowConsumerError
	refused, isFault := errors.AsType[*fault.Error](err)
	unexecuted, isRefusal := errors.AsType[gqlerror.List](err)
	switch {
	case c.isOver(op): // the client has completed it, or the socket is closing
	case isRefusal: // whatever the list holds
		c.fail(op, unexecuted)
	case op.ctx.Err() != nil: // the session has ended; the code that ended it closes the socket with the reason
	case errors.Is(err, stream.ErrDone):
		c.sendFinal(op, endMessage(op.id, c.dialect.complete))
	case errors.Is(err, stream.ErrDraining) && c.Draining(): // the socket closes after its other operations
	case errors.Is(err, stream.ErrDraining):
		c.close(CloseDraining, drainReason)
	case errors.Is(err, stream.ErrOutdated):
		c.close(CloseInternal, outdatedReason)
	case errors.As(err, &slow):
		c.close(CloseSlowConsumer, slowReasonFor(slow.Cursor, op.id))
	case isFault:
		// The error presenter needs an operation context. The operation's own has been released when it has a stream.
		ctx := graphql.WithOperationContext(op.logContext(), &graphql.OperationContext{})
		c.fail(op, c.exec.DispatchError(ctx, gqlerror.List{present(refused)}).Errors)
	default:
		c.t.cfg.Logger.ErrorContext(op.logContext(), "subscription failed", "error", err)
		c.close(CloseInternal, internalReason)
	}
}

// fail ends an operation with an error message.
func (c *conn) fail(op *operation, errs gqlerror.List) {
	data, err := c.failure(op, errs)
	if err != nil {
		c.end(op, fmt.Errorf("marshal errors: %w", err))
		return
	}
	c.sendFinal(op, data)
}

// failure returns the message that ends an operation with errors.
func (c *conn) failure(op *operation, errs gqlerror.List) ([]byte, error) {
	return appendMessage(nil, op.id, c.dialect.failed, c.errorsPayload(errs))
}

// errorsPayload returns the payload of an error message: a list, or a single error in the legacy protocol.
func (c *conn) errorsPayload(errs gqlerror.List) any {
	if c.dialect.legacy && len(errs) > 0 {
		return errs[0]
	}
	return errs
}

// present returns a fault as a GraphQL error, complete with its code even where no error presenter runs.
func present(f *fault.Error) *gqlerror.Error {
	extensions := map[string]any{"code": string(f.Code)}
	maps.Copy(extensions, f.Extensions)
	return &gqlerror.Error{Err: f, Message: f.Message, Extensions: extensions}
}

// internal returns the error that hides an unexpected failure from the client. Its request id leads to the log.
func internal(ctx context.Context) *fault.Error {
	f := fault.New(fault.Internal, "internal error")
	if id := requestid.FromContext(ctx); id != "" {
		f = f.With("requestId", id)
	}
	return f
}
