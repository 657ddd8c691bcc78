package stream

import "context"

// Connection is what a transport lets the session and the streams of one connection know and do. It travels in their
// context, so that a connection needs no more contexts than one.
type Connection interface {
	// Draining: the streams are to hand out what is queued already, and then end with ErrDraining. They are woken when it
	// becomes so.
	Draining() bool
	// End ends the session, and with it the connection, soon. cause is what the client is told. It does not block.
	End(cause error)
	// AtEnd has who opened a session on the connection told, once, when that begins to end; at once if it has. There is one.
	AtEnd(Ender)
}

// Ender is told of the end of a Connection. It must not block.
type Ender interface{ ConnectionEnded() }

type connectionKey struct{}

// WithConnection returns the context of a connection.
func WithConnection(ctx context.Context, c Connection) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// ConnectionOf is the connection of ctx, and its context. Where no transport says so, that is a context derived from ctx:
// End cancels it with the cause.
func ConnectionOf(ctx context.Context) (Connection, context.Context) {
	if c, ok := ctx.Value(connectionKey{}).(Connection); ok {
		return c, ctx
	}
	own, cancel := context.WithCancelCause(ctx)
	return bare{ctx, cancel}, own
}

// bare is a connection that is a context only. It ends when the one that it derives from does.
type bare struct {
	ctx context.Context
	end context.CancelCauseFunc
}

func (b bare) Draining() bool  { return Drains(b.ctx) }
func (b bare) End(cause error) { b.end(cause) }
func (b bare) AtEnd(e Ender)   { context.AfterFunc(b.ctx, e.ConnectionEnded) }
