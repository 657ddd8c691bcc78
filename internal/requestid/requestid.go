// Package requestid names each request, so that a client's error report, the log and the event log can be put together.
package requestid

import (
	"context"
	"crypto/rand"
	"log/slog"
)

type contextKey struct{}

// New is a fresh id: 26 letters and digits, unguessable.
func New() string { return rand.Text() }

// NewContext returns ctx with the request's id.
func NewContext(ctx context.Context, requestID string) context.Context {
	return context.WithValue(ctx, contextKey{}, requestID)
}

// FromContext is the id of the request that ctx belongs to, empty for work that no request asked for.
func FromContext(ctx context.Context) string {
	requestID, _ := ctx.Value(contextKey{}).(string)
	return requestID
}

// LogHandler adds the attribute requestId to every record that is logged with a request's context.
func LogHandler(next slog.Handler) slog.Handler { return handler{next} }

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if requestID := FromContext(ctx); requestID != "" {
		r = r.Clone() // the record may share its attributes with other handlers
		r.AddAttrs(slog.String("requestId", requestID))
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
