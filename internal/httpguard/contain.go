package httpguard

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/requestid"
)

// contain recovers a panic of a request. The client gets INTERNAL with the request's id, and the panic is logged. Use it
// with defer.
func (g *Guard) contain(w *trackedWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // the one value with which a handler aborts on purpose
		panic(cause)
	}
	g.log.ErrorContext(r.Context(), "panic in a request", "panic", fmt.Sprint(cause),
		"method", r.Method, "path", r.URL.Path, "stack", string(debug.Stack()))
	if w.hijacked {
		return // the connection no longer speaks HTTP
	}
	if w.started {
		// An incomplete answer must not look complete: net/http aborts the connection.
		panic(http.ErrAbortHandler)
	}
	fault.WriteHTTP(w, http.StatusInternalServerError,
		fault.New(fault.Internal, "something broke on our side"),
		map[string]string{"requestId": requestid.FromContext(r.Context())})
}

// trackedWriter records whether the answer has begun.
type trackedWriter struct {
	http.ResponseWriter
	started, hijacked bool
}

func (w *trackedWriter) WriteHeader(status int) {
	w.started = w.started || status >= 200 // a 1xx is not the answer yet
	w.ResponseWriter.WriteHeader(status)
}

func (w *trackedWriter) Write(b []byte) (int, error) {
	w.started = true
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *trackedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush and Hijack are for callers that assert the interfaces instead.

func (w *trackedWriter) Flush() {
	w.started = true
	_ = http.NewResponseController(w.ResponseWriter).Flush() // a Flusher cannot return an error
}

func (w *trackedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over the connection: %w", err)
	}
	w.hijacked = true
	return conn, rw, nil
}
