package stream

import "context"

type lastCursorKey struct{}

// WithLastCursor returns a context that carries the cursor of the last item the client has received, if the transport knows
// it: for SSE the Last-Event-ID header. An empty cursor changes nothing.
func WithLastCursor(ctx context.Context, cursor string) context.Context {
	if cursor == "" {
		return ctx
	}
	return context.WithValue(ctx, lastCursorKey{}, cursor)
}

// LastCursor returns the cursor of WithLastCursor, or "". It takes precedence over the `after` argument of a subscription: a
// client that reconnects repeats its first request unchanged, so `after` is older.
func LastCursor(ctx context.Context) string {
	cursor, _ := ctx.Value(lastCursorKey{}).(string)
	return cursor
}
