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

// operation is one subscribe (legacy: start) and what came of it.
type operation struct {
	conn *conn
	id   string
	// number counts the socket's operations; the log and errors name it.
	number uint64
	// ctx is what it runs in: a context of its own, which cancel ends; once it has a stream, the session's.
	ctx    context.Context
	cancel context.CancelFunc // nil once it has a stream
	// stream is where a subscription's items come from; nil until it is open, and of a query or a mutation.
	stream stream.Stream
	// written receives when its frame has been written, or dropped; nil when it has a stream.
	written chan struct{}

	// The rest is guarded by the socket's lock.

	// cancelled: the client has completed it, nothing more may be sent.
	cancelled bool
	// busy: somebody is about to ask the stream and send what it has, or its frame is in the queue.
	busy bool
	// again: it was woken while it was busy.
	again bool
	// over: it has ended and given everything back.
	over bool
	// begun: it is a query or a mutation that may have been executed. A socket that closes first says so (unanswered).
	begun bool
	// answered: its last message is queued.
	answered bool
	// kept are the bytes of its request that its client's account has until it is over.
	kept int
}

// subscribe starts an operation of any kind.
func (c *conn) subscribe(m message) {
	params, err := parseParams(m.payload)
	if err != nil {
		m.reason = err.Error()
		if c.count() {
			c.dialect.invalid(c, m)
		}
		return
	}
	op := &operation{conn: c, id: m.id, busy: true}
	limit := c.t.cfg.MaxSubscriptions

	c.mu.Lock()
	active := c.operation(m.id) != nil
	// Cancelled operations that are not over count too, so that subscribe and complete in turn cannot pile up goroutines;
	// they have as much room again, because a client may well replace all it has.
	full := len(c.operations) >= limit || c.running >= 2*limit
	closing := c.closing || c.draining || c.farewell != nil
	free := !active && !full && !closing
	room := true
	if free {
		op.kept, room = c.unread.Keep(len(m.payload))
	}
	if free && room {
		// Not a child of the session's context, which would keep a table for its children as long as it lives: the
		// socket ends those that run (finishIdle).
		op.ctx, op.cancel = context.WithCancel(context.WithoutCancel(c.session))
		c.started++
		op.number = c.started
		c.operations = append(c.operations, op)
		c.running++
		c.unset(idleAlarm)
		c.finished.Add(1)
	}
	c.mu.Unlock()

	switch {
	case closing: // the client learns by the close that this has not begun
	case active:
		c.close(CloseSubscriberExists, fmt.Sprintf("Subscriber for %s already exists", m.id))
	case (full || !room) && !c.count():
	case !room: // nothing of it was executed
		c.replyTo(m.id, c.dialect.failed, c.errorsPayload(gqlerror.List{present(quota.ErrKept)}))
	case full:
		c.replyTo(m.id, c.dialect.failed, c.errorsPayload(gqlerror.List{present(fault.New(fault.TooManySubscriptions,
			fmt.Sprintf("This connection has its %d operations; complete one first.", limit)))}))
	default:
		go c.run(c.session, op, params)
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

// operation is the one that has the id; nil when it is free. The lock is held.
func (c *conn) operation(id string) *operation {
	for _, op := range c.operations {
		if op.id == id {
			return op
		}
	}
	return nil
}

// remove frees the operation's id. The lock is held.
func (c *conn) remove(op *operation) {
	c.operations = slices.DeleteFunc(c.operations, func(o *operation) bool { return o == op })
}

// cancelOperation is the client's complete. An id that is not active is no error: the two completes may have crossed.
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

// stopOperation is the legacy stop, which is answered with complete.
func (c *conn) stopOperation(m message) {
	c.cancelOperation(m)
	c.replyTo(m.id, c.dialect.complete, nil)
}

// run begins an operation in a goroutine of its own, which ends when its stream has nothing to send.
func (c *conn) run(session context.Context, op *operation, params *graphql.RawParams) {
	defer c.contain(op)
	ctx := graphql.StartOperationTrace(op.named())
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
	c.adopt(session, op, opened)
	c.advance(op)
}

// answer runs a query or a mutation. Its result and the message that completes it go out together.
func (c *conn) answer(ctx context.Context, op *operation, opCtx *graphql.OperationContext) {
	if !c.begin(ctx, op) {
		return
	}
	op.written = make(chan struct{}, 1)
	responses, ctx := c.exec.DispatchOperation(ctx, opCtx)
	response := responses(ctx)
	if response == nil { // its context ended before it began
		c.fail(op, gqlerror.List{present(stream.ErrUnanswered)})
		return
	}
	f := frame{op: op, final: true}
	err := f.add(c.dialect.next, stream.Item{Response: response})
	unexecuted, isRefusal := errors.AsType[gqlerror.List](err)
	switch {
	case isRefusal:
		c.fail(op, unexecuted)
	case err != nil: // not 1013, after which clients would send it again
		c.t.cfg.Logger.ErrorContext(ctx, "a result could not be written as JSON", "error", err)
		c.fail(op, gqlerror.List{present(internal(ctx))})
	default:
		f.addEnd(c.dialect.complete)
		c.send(f)
	}
}

// begin notes that the operation is about to be executed. It reports false when the socket closes, or is about to: then it is
// not executed, and the client learns so by the close.
func (c *conn) begin(ctx context.Context, op *operation) bool {
	if c.t.cfg.Alive != nil && !c.t.cfg.Alive(ctx) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || c.farewell != nil || op.cancelled {
		return false
	}
	op.begun = true
	return true
}

// adopt makes s the operation's stream, which goes on in the session's context. What began the operation is let go: its
// own context, gqlgen's, and the request.
func (c *conn) adopt(session context.Context, op *operation, s stream.Stream) {
	c.mu.Lock()
	cancel := op.cancel
	op.ctx, op.cancel, op.stream = session, nil, s
	c.mu.Unlock()
	cancel()
	s.Notify(op)
}

// contain is deferred around what runs the operation's code: a panic ends the operation alone.
func (c *conn) contain(op *operation) {
	if p := recover(); p != nil {
		ctx := op.named()
		c.t.cfg.Logger.ErrorContext(ctx, "websocket operation panicked", "panic", p, "stack", string(debug.Stack()))
		c.fail(op, gqlerror.List{present(internal(ctx))})
		c.finish(op)
	}
}

// end ends an operation for the reason its source gives.
func (c *conn) end(op *operation, err error) {
	var slow *stream.SlowConsumerError
	refused, isFault := errors.AsType[*fault.Error](err)
	unexecuted, isRefusal := errors.AsType[gqlerror.List](err)
	switch {
	case c.isOver(op): // the client has completed it, or the socket is closing
	case isRefusal: // whatever is in it
		c.fail(op, unexecuted)
	case op.ctx.Err() != nil: // so has the session, and who watches it says why: see authenticate
	case errors.Is(err, stream.ErrDone):
		c.last(op, endMessage(op.id, c.dialect.complete))
	case errors.Is(err, stream.ErrDraining) && c.Draining(): // its close waits for the other operations
	case errors.Is(err, stream.ErrDraining):
		c.close(CloseDraining, drainReason)
	case errors.Is(err, stream.ErrOutdated):
		c.close(CloseInternal, outdatedReason)
	case errors.As(err, &slow):
		c.close(CloseSlowConsumer, slowReasonFor(slow.Cursor, op.id))
	case isFault:
		// Presented as any other error. The operation's own context is gone when it has a stream.
		ctx := graphql.WithOperationContext(op.named(), &graphql.OperationContext{})
		c.fail(op, c.exec.DispatchError(ctx, gqlerror.List{present(refused)}).Errors)
	default:
		c.t.cfg.Logger.ErrorContext(op.named(), "subscription failed", "error", err)
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
	c.last(op, data)
}

// failure is the message that ends an operation with errors.
func (c *conn) failure(op *operation, errs gqlerror.List) ([]byte, error) {
	return appendMessage(nil, op.id, c.dialect.failed, c.errorsPayload(errs))
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
	extensions := map[string]any{"code": string(f.Code)}
	maps.Copy(extensions, f.Extensions)
	return &gqlerror.Error{Err: f, Message: f.Message, Extensions: extensions}
}

// internal is what a client is told of what nobody foresaw: the id with which the log has it.
func internal(ctx context.Context) *fault.Error {
	f := fault.New(fault.Internal, "internal error")
	if id := requestid.FromContext(ctx); id != "" {
		f = f.With("requestId", id)
	}
	return f
}

// named is the operation's context with an id of its own. It is made where it is needed: a subscription at rest keeps none.
func (op *operation) named() context.Context { return requestid.WithOperation(op.ctx, op.number) }
