package gqlws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlrequest"
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
		c.replyTo(m.id, c.dialect.failed, c.errorsPayload(gqlerror.List{present(addresslimit.ErrRequests)}))
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

// logContext returns the operation's context with the operation's request id. It is made on demand: an idle subscription
// keeps none.
func (op *operation) logContext() context.Context { return requestid.WithOperation(op.ctx, op.number) }
