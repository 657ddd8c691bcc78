package gqlws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlrequest"
	"github.com/orderwire/orderwire/internal/stream"
)

// operation is one subscribe (legacy: start) and what came of it.
type operation struct {
	id      string
	ctx     context.Context
	cancel  context.CancelFunc
	written chan struct{} // receives when its frame has been written

	// cancelled: the client has completed it, nothing more may be sent. Guarded by the socket's lock.
	cancelled bool
}

// subscribe starts an operation of any kind.
func (c *conn) subscribe(m message) {
	params, err := parseParams(m.payload)
	if err != nil {
		m.reason = err.Error()
		c.dialect.invalid(c, m)
		return
	}
	op := &operation{id: m.id, written: make(chan struct{}, 1)}
	limit := c.t.cfg.MaxSubscriptions

	c.mu.Lock()
	_, active := c.operations[m.id]
	// Cancelled operations that have not returned count too, so that subscribe and complete in turn cannot pile up
	// goroutines; they have as much room again, because a client may well replace all it has.
	full := len(c.operations) >= limit || c.running >= 2*limit
	closing := c.closing || c.draining
	if !active && !full && !closing {
		op.ctx, op.cancel = context.WithCancel(c.session)
		c.operations[m.id] = op
		c.running++
		c.finished.Add(1)
	}
	c.mu.Unlock()

	switch {
	case closing: // the client learns by the close that this has not begun
	case active:
		c.close(CloseSubscriberExists, fmt.Sprintf("Subscriber for %s already exists", m.id))
	case full:
		c.replyTo(m.id, c.dialect.failed, c.errorsPayload(gqlerror.List{present(fault.New(fault.TooManySubscriptions,
			fmt.Sprintf("This connection has its %d operations; complete one first.", limit)))}))
	default:
		go c.run(op, params)
	}
}

// parseParams reads a request as the other transports do. Its Headers stay nil: the upgrade's, such as Idempotency-Key,
// are not this operation's.
func parseParams(payload json.RawMessage) (*graphql.RawParams, error) {
	if payload == nil {
		return nil, errors.New("`payload` is missing")
	}
	params, err := gqlrequest.JSON(payload)
	if refused, ok := errors.AsType[*gqlrequest.Error](err); ok {
		return nil, errors.New("`payload` is not a GraphQL request: " + refused.Fault.Message)
	}
	return params, nil
}

// cancelOperation is the client's complete. An id that is not active is no error: the two completes may have crossed.
func (c *conn) cancelOperation(m message) {
	c.mu.Lock()
	op := c.operations[m.id]
	if op != nil {
		op.cancelled = true
		delete(c.operations, m.id)
	}
	c.mu.Unlock()
	if op != nil {
		op.cancel()
	}
}

// stopOperation is the legacy stop, which is answered with complete.
func (c *conn) stopOperation(m message) {
	c.cancelOperation(m)
	c.replyTo(m.id, c.dialect.complete, nil)
}

// run executes an operation in a goroutine of its own.
func (c *conn) run(op *operation, params *graphql.RawParams) {
	defer func() {
		op.cancel()
		c.ended()
	}()
	defer func() {
		if p := recover(); p != nil {
			c.t.cfg.Logger.ErrorContext(op.ctx, "websocket operation panicked", "panic", p, "stack", string(debug.Stack()))
			c.fail(op, gqlerror.List{present(fault.New(fault.Internal, "internal error"))})
		}
	}()

	ctx, slot := stream.NewContext(graphql.StartOperationTrace(op.ctx))
	opCtx, errs := c.exec.CreateOperationContext(ctx, params)
	if errs != nil {
		c.fail(op, c.exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs).Errors)
		return
	}
	responses, ctx := c.exec.DispatchOperation(ctx, opCtx)
	var pull stream.Pull
	if opCtx.Operation.Operation == ast.Subscription {
		pull = slot.Pull()
	}
	for more := true; more; {
		more = c.step(ctx, op, pull, responses)
	}
}

// step sends one response of an operation; it reports false when there is no next one. An operation without a pull (a
// query, a mutation, a subscription whose resolver refused or sends by itself) is driven by its handler alone.
func (c *conn) step(ctx context.Context, op *operation, pull stream.Pull, responses graphql.ResponseHandler) bool {
	cursor := ""
	if pull != nil {
		var err error
		if cursor, err = pull(ctx); err != nil {
			c.end(ctx, op, err)
			return false
		}
	}
	response := responses(ctx)
	switch {
	case response == nil:
		c.end(ctx, op, stream.ErrDone)
		return false
	case len(response.Data) == 0 && len(response.Errors) > 0:
		// Nothing was executed: error instead of next, and no complete after it.
		c.fail(op, response.Errors)
		return false
	}
	data, err := resultFrame(op.id, c.dialect.next, response)
	if err != nil {
		c.end(ctx, op, err)
		return false
	}
	return c.send(op, cursor, data)
}

// end ends an operation for the reason its source gives.
func (c *conn) end(ctx context.Context, op *operation, err error) {
	var slow *stream.SlowConsumerError
	refused, isFault := errors.AsType[*fault.Error](err)
	switch {
	case op.ctx.Err() != nil: // the client has completed it, or the socket is closing
	case errors.Is(err, stream.ErrDone):
		c.last(op, endFrame(op.id, c.dialect.complete))
	case errors.Is(err, stream.ErrDraining) && c.isDraining(): // its close waits for the other operations
	case errors.Is(err, stream.ErrDraining):
		c.close(CloseDraining, drainReason)
	case errors.As(err, &slow):
		c.close(CloseSlowConsumer, slowReasonFor(slow.Cursor, op.id))
	case isFault:
		c.fail(op, c.exec.DispatchError(ctx, gqlerror.List{present(refused)}).Errors)
	default:
		c.t.cfg.Logger.ErrorContext(ctx, "subscription failed", "error", err)
		c.close(CloseInternal, internalReason)
	}
}

// fail ends an operation with an error message.
func (c *conn) fail(op *operation, errs gqlerror.List) {
	data, err := json.Marshal(struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Payload any    `json:"payload"`
	}{op.id, c.dialect.failed, c.errorsPayload(errs)})
	if err != nil {
		c.end(op.ctx, op, fmt.Errorf("marshal errors: %w", err))
		return
	}
	c.last(op, data)
}

// errorsPayload is the payload of an error message: a list, in the legacy protocol a single error.
func (c *conn) errorsPayload(errs gqlerror.List) any {
	if c.dialect.legacy && len(errs) > 0 {
		return errs[0]
	}
	return errs
}

// present is a fault as a GraphQL error, whole even where no error presenter runs.
func present(f *fault.Error) *gqlerror.Error {
	return &gqlerror.Error{Err: f, Message: f.Message, Extensions: map[string]any{"code": string(f.Code)}}
}
