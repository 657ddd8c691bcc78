package stream

import "context"

type drainKey struct{}

// WithDrain returns a context whose streams are told by draining, once it is closed, that their connection is about to
// end: Stream.Next then hands out what is queued already and returns ErrDraining.
func WithDrain(ctx context.Context, draining <-chan struct{}) context.Context {
	return context.WithValue(ctx, drainKey{}, draining)
}

// Draining is closed when the streams of ctx are to end, for who waits. Nil, and so never, when its transport does not say
// so: one that wakes streams instead has a Connection.
func Draining(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(drainKey{}).(<-chan struct{})
	return draining
}

// Drains reports whether the streams of ctx are to end.
func Drains(ctx context.Context) bool {
	select {
	case <-Draining(ctx):
		return true
	default:
	}
	c, ok := ctx.Value(connectionKey{}).(Connection)
	return ok && c.Draining()
}
