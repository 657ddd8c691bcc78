package gqlws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlrequest"
	"github.com/orderwire/orderwire/internal/quota"
	"github.com/orderwire/orderwire/internal/requestid"
	"github.com/orderwire/orderwire/internal/stream"
)

// operation is one subscribe (legacy: start) and its execution.
type operation struct {
	conn *conn
	id   string
	// number counts the operations of a socket, for request ids in logs and errors.
	number uint64
	// ctx is the operation's context. Until a stream is open it is the operation's own, which cancel ends; then it is the
	// session's.
	ctx    context.Context
	cancel context.CancelFunc // nil once it has a stream
	// stream is the source of a subscription's items. Nil before it is open, and for queries and mutations.
	stream stream.Stream
	// written receives when the operation's frame has been written or dropped. Nil once it has a stream.
	written chan struct{}

	// The socket's lock guards the rest.

	// cancelled: the client has completed it. Nothing more may be sent.
	cancelled bool
	// busy: a goroutine polls the stream and sends its items, or a frame of the operation is queued.
	busy bool
	// woken: Wake was called while it was busy.
	woken bool
	// finished: it has ended and released everything.
	finished bool
	// begun: it is a query or a mutation that may have been executed. If the socket closes first, its client gets an error
	// (unanswered).
	begun bool
	// answered: its final message is queued.
	answered bool
	// countedBytes are the bytes of its request that count against the client's account until it finishes.
	countedBytes int
}

// subscribe starts an operation of any kind.
func (c *conn) subscribe(m message) {
	params, err := parseParams(m.payload)
	if err != nil {
		m.reason = err.Error()
		if c.countMessage() {
			c.dialect.invalid(c, m)
		}
		return
	}
	op := &operation{conn: c, id: m.id, busy: true}
	limit := c.t.cfg.MaxSubscriptions

	c.mu.Lock()
	active := c.operation(m.id) != nil
	// Cancelled operations that have not finished count too, so that alternating subscribe and complete cannot pile up
	// goroutines. They have room of their own of the same size, because a client may replace all its operations at once.
	full := len(c.operations) >= limit || c.running >= 2*limit
	closing := c.closing || c.draining || c.pendingClose != nil
	free := !active && !full && !closing
	room := true
	if free {
		op.countedBytes, room = c.unread.ReserveRequest(len(m.payload))
	}
	if free && room {
		// The context is not a child of the session's, which would keep a map of its children for life. When the socket
		// closes, finishIdle cancels it.
		op.ctx, op.cancel = context.WithCancel(context.WithoutCancel(c.operationCtx))
		c.started++
		op.number = c.started
		c.operations = append(c.operations, op)
		c.running++
		c.clearDeadline(idleDeadline)
		c.finished.Add(1)
	}
	c.mu.Unlock()

	switch {
	case closing: // its close tells the client that the operation has not started
	case active:
		c.close(CloseSubscriberExists, fmt.Sprintf("Subscriber for %s already exists", m.id))
	case (full || !room) && !c.countMessage():
	case !room: // nothing was executed
		c.replyTo(m.id, c.dialect.failed, c.errorsPayload(gqlerror.List{present(quota.ErrRequests)}))
	case full:
		c.replyTo(m.id, c.dialect.failed, c.errorsPayload(gqlerror.List{present(fault.New(fault.TooManySubscriptions,
			fmt.Sprintf("This connection has reached its limit of %d operations: complete one first.", limit)))}))
	default:
		go c.run(c.operationCtx, op, params)
	}
}

// parseParams parses a request as the other transports do. Headers stays nil: those of the upgrade, such as Idempotency-Key,
// do not belong to this operation.
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

// operation returns the operation with the id, or nil when the id is free. The socket's lock is held.
func (c *conn) operation(id string) *operation {
	for _, op := range c.operations {
		if op.id == id {
			return op
		}
	}
	return nil
}

// remove frees the operation's id. The socket's lock is held.
func (c *conn) remove(op *operation) {
	c.operations = slices.DeleteFunc(c.operations, func(o *operation) bool { return o == op })
}

// cancelOperation handles the client's complete. An unknown id is not an error: the client's complete and ours may have
// crossed.
func (c *conn) cancelOperation(m message) {
	c.mu.Lock()
	op := c.operation(m.id)
	if op == nil {
		c.mu.Unlock()
		return
	}
	op.cancelled = true
	c.remove(op)
	idle, cancel := !op.busy, op.cancel
	op.busy = true
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if idle {
		c.finish(op)
	}
}

// stopOperation handles the legacy stop, which is answered with complete.
func (c *conn) stopOperation(m message) {
	c.cancelOperation(m)
	c.replyTo(m.id, c.dialect.complete, nil)
}

// run starts an operation. It has a goroutine of its own, which ends when the stream has nothing to send.
func (c *conn) run(sessionCtx context.Context, op *operation, params *graphql.RawParams) {
	defer c.contain(op)
	ctx := graphql.StartOperationTrace(op.logContext())
	opCtx, errs := c.exec.CreateOperationContext(ctx, params)
	if errs != nil {
		c.fail(op, c.exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs).Errors)
		c.finish(op)
		return
	}
	if opCtx.Operation.Operation != ast.Subscription {
		c.answer(ctx, op, opCtx)
		c.finish(op)
		return
	}
	opened, refused := stream.Subscribe(ctx, c.exec, opCtx)
	if refused != nil {
		c.end(op, refused.Errors)
		c.finish(op)
		return
	}
	c.adopt(sessionCtx, op, opened)
	c.pump(op)
}

// answer runs a query or a mutation. Its result and its complete are one frame.
func (c *conn) answer(ctx context.Context, op *operation, opCtx *graphql.OperationContext) {
	if !c.begin(ctx, op) {
		return
	}
	op.written = make(chan struct{}, 1)
	responses, ctx := c.exec.DispatchOperation(ctx, opCtx)
	response := responses(ctx)
	if response == nil { // its context ended before the execution
		c.fail(op, gqlerror.List{present(stream.ErrUnanswered)})
		return
	}
	f := frame{op: op, final: true}
	err := f.add(c.dialect.next, stream.Item{Response: response})
	unexecuted, isRefusal := errors.AsType[gqlerror.List](err)
	switch {
	case isRefusal:
		c.fail(op, unexecuted)
	case err != nil: // not a close with 1013, after which clients would send it again
		c.t.cfg.Logger.ErrorContext(ctx, "a result could not be written as JSON", "error", err)
		c.fail(op, gqlerror.List{present(internal(ctx))})
	default:
		f.addEnd(c.dialect.complete)
		c.send(f)
	}
}

// begin marks the operation as begun, just before its execution. It reports false when the socket closes or is about to. The
// operation is then not executed, and the close tells the client so.
func (c *conn) begin(ctx context.Context, op *operation) bool {
	if c.t.cfg.SessionAlive != nil && !c.t.cfg.SessionAlive(ctx) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || c.pendingClose != nil || op.cancelled {
		return false
	}
	op.begun = true
	return true
}

// adopt makes s the operation's stream, which continues in the session's context. It releases what opening it needed: the
// operation's own context, gqlgen's context and the request.
func (c *conn) adopt(sessionCtx context.Context, op *operation, s stream.Stream) {
	c.mu.Lock()
	cancel := op.cancel
	op.ctx, op.cancel, op.stream = sessionCtx, nil, s
	c.mu.Unlock()
	cancel()
	s.Notify(op)
}

// contain recovers a panic of the operation's code, which then ends only this operation. Use it with defer.
func (c *conn) contain(op *operation) {
	if p := recover(); p != nil {
		ctx := op.logContext()
		c.t.cfg.Logger.ErrorContext(ctx, "websocket operation panicked", "panic", p, "stack", string(debug.Stack()))
		c.fail(op, gqlerror.List{present(internal(ctx))})
		c.finish(op)
	}
}

// end ends an operation with the error of its source.
func (c *conn) end(op *operation, err error) {
	var slow *stream.SlowConsumerError
	refused, isFault := errors.AsType[*fault.Error](err)
	unexecuted, isRefusal := errors.AsType[gqlerror.List](err)
	switch {
	case c.isOver(op): // the client has completed it, or the socket is closing
	case isRefusal: // whatever the list holds
		c.fail(op, unexecuted)
	case op.ctx.Err() != nil: // the session has ended; whoever ended it closes the socket with the reason
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

// logContext returns the operation's context with the operation's request id. It is made on demand: an idle subscription
// keeps none.
func (op *operation) logContext() context.Context { return requestid.WithOperation(op.ctx, op.number) }
