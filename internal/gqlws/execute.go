package gqlws

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/stream"
)

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
		c.t.cfg.Logger.ErrorContext(ctx, "encoding a result as JSON failed", "error", err)
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
