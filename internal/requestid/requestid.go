// Package requestid gives each request an id, which connects a client's error report, the log and the event log.
package requestid

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/orderwire/orderwire/internal/freetext"
)

// Header is the name of the header with a request's id, in requests and responses.
const Header = "X-Request-Id"

// maxGiven bounds the length of an id from a client.
const maxGiven = 64

type contextKey struct{}

// New returns a new id: 26 letters and digits, unguessable.
func New() string { return rand.Text() }

// Of returns the id of a request: the one that a client or a proxy has sent, so that its log and ours can be connected, or a
// new one. An id of a client is used only if there is exactly one, of 1 to 64 letters, digits, dots, dashes and underscores,
// and if it does not look like a card number, because ids are logged and stored with events. A client can choose only the
// ids of its own requests, and cannot write anything else into the log with them.
func Of(r *http.Request) string {
	if given := r.Header.Values(Header); len(given) == 1 && wellFormed(given[0]) && !freetext.HasCardNumber(given[0]) {
		return given[0]
	}
	return New()
}

func wellFormed(id string) bool {
	if id == "" || len(id) > maxGiven {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// NewContext returns ctx with the request's id.
func NewContext(ctx context.Context, requestID string) context.Context {
	return context.WithValue(ctx, contextKey{}, requestID)
}

// FromContext returns the id of ctx's request; empty for work without a request.
func FromContext(ctx context.Context) string {
	requestID, _ := ctx.Value(contextKey{}).(string)
	return requestID
}

// WithOperation returns the context of the nth operation of a connection. Its id is the connection's, a dot and n, so that a
// search for the connection's id finds all of them. Without an id, ctx is returned unchanged.
func WithOperation(ctx context.Context, n uint64) context.Context {
	connection := FromContext(ctx)
	if connection == "" {
		return ctx
	}
	return NewContext(ctx, connection+"."+strconv.FormatUint(n, 10))
}

// LogHandler adds the attribute requestId to every record that is logged with a request's context.
func LogHandler(next slog.Handler) slog.Handler { return handler{next} }

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if requestID := FromContext(ctx); requestID != "" {
		r = r.Clone() // other handlers may share the record's attributes
		r.AddAttrs(slog.String("requestId", requestID))
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
