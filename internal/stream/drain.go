package stream

import "context"

type drainKey struct{}

// WithDrain returns a context whose streams drain once draining is closed, because their connection is about to end:
// Stream.Next hands out the queued items and then returns ErrDraining.
func WithDrain(ctx context.Context, draining <-chan struct{}) context.Context {
	return context.WithValue(ctx, drainKey{}, draining)
}

// Draining returns a channel that is closed when the streams of ctx have to end. It is nil, so never closed, for a transport
// that wakes its streams instead and has a Connection.
func Draining(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(drainKey{}).(<-chan struct{})
	return draining
}

// IsDraining reports whether the streams of ctx have to end.
func IsDraining(ctx context.Context) bool {
	select {
	case <-Draining(ctx):
		return true
	default:
	}
	c, ok := ctx.Value(connectionKey{}).(Connection)
	return ok && c.Draining()
}
