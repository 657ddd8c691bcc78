package stream

import "context"

type lastCursorKey struct{}

// WithLastCursor returns a context that carries the cursor of the last item the client has received, as its transport
// knows it: for SSE the Last-Event-ID header. An empty cursor changes nothing.
func WithLastCursor(ctx context.Context, cursor string) context.Context {
	if cursor == "" {
		return ctx
	}
	return context.WithValue(ctx, lastCursorKey{}, cursor)
}

// LastCursor returns what WithLastCursor put there, or "". What opens a subscription prefers it over the `after`
// argument: a client that reconnects repeats its first request unchanged, so its `after` is older.
func LastCursor(ctx context.Context) string {
	cursor, _ := ctx.Value(lastCursorKey{}).(string)
	return cursor
}
