// Package requestid names each request, so that a client's error report, the log and the event log can be put together.
package requestid

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/orderwire/orderwire/internal/text"
)

// Header carries a request's id, both ways.
const Header = "X-Request-Id"

// maxGiven bounds an id that a client gives.
const maxGiven = 64

type contextKey struct{}

// New is a fresh id: 26 letters and digits, unguessable.
func New() string { return rand.Text() }

// Of is the id of a request: the one that a client or a proxy gave it, so that the logs of both can be put together, or a
// new one when it gave none, several, one of another form than 1 to 64 letters, digits, dots, dashes and underscores, or what
// looks like a card number, since ids are logged and stored with events. A client chooses the ids of its own requests alone;
// it cannot write anything else into the log by them.
func Of(r *http.Request) string {
	if given := r.Header.Values(Header); len(given) == 1 && wellFormed(given[0]) && !text.HasCardNumber(given[0]) {
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

// FromContext is the id of the request that ctx belongs to, empty for work that no request asked for.
func FromContext(ctx context.Context) string {
	requestID, _ := ctx.Value(contextKey{}).(string)
	return requestID
}

// WithOperation returns the context of the nth operation of a connection that has many: its id is the connection's, a dot and
// n, so that searching for the connection's id finds all of them. ctx is returned as it is when it has no id.
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
		r = r.Clone() // the record may share its attributes with other handlers
		r.AddAttrs(slog.String("requestId", requestID))
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
