package stream

import "context"

// Connection is a connection as its session and its streams see it. It travels in their context, so that a connection needs only
// one context.
type Connection interface {
	// Draining reports that the connection is about to end. Its streams are woken when that begins; they hand out their
	// queued items and end with ErrDraining.
	Draining() bool
	// End ends the session, and soon the connection. The client is told the cause. It does not block.
	End(cause error)
	// OnEnd registers the one listener that is called, once, when the connection begins to end; at once if it has begun.
	OnEnd(EndListener)
}

// EndListener is called when a Connection ends. ConnectionEnded must not block.
type EndListener interface{ ConnectionEnded() }

type connectionKey struct{}

// WithConnection returns a context that carries the connection.
func WithConnection(ctx context.Context, c Connection) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// ConnectionOf returns the connection of ctx and its context. When ctx carries none, both are made from ctx: End then
// cancels the returned context with the cause.
func ConnectionOf(ctx context.Context) (Connection, context.Context) {
	if c, ok := ctx.Value(connectionKey{}).(Connection); ok {
		return c, ctx
	}
	own, cancel := context.WithCancelCause(ctx)
	return contextConnection{ctx, cancel}, own
}

// contextConnection is a connection that consists of a context only. It ends when the parent of that context does.
type contextConnection struct {
	ctx context.Context
	end context.CancelCauseFunc
}

func (c contextConnection) Draining() bool      { return IsDraining(c.ctx) }
func (c contextConnection) End(cause error)     { c.end(cause) }
func (c contextConnection) OnEnd(e EndListener) { context.AfterFunc(c.ctx, e.ConnectionEnded) }
