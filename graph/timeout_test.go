package graph_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/gqlsse"
	"github.com/orderwire/orderwire/internal/guard"
)

// An operation whose time is over, before it begins or while it runs, is answered as UNAVAILABLE on every transport.
func TestTimeout(t *testing.T) {
	t.Parallel()
	w := setup(t)
	limited := func(timeout time.Duration) http.Handler {
		return w.serve(graph.Settings{
			Limits: guard.Defaults(), Timeout: timeout,
			Transports: []graphql.Transport{gqlsse.New(gqlsse.Config{Logger: slog.New(slog.DiscardHandler)})},
		})
	}
	post := func(accept string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(`{"query":"{ viewer { role } }"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", accept)
		return r
	}
	over := func(handler http.Handler) {
		t.Helper()
		w.send(handler, ada, post("application/json")).refused("UNAVAILABLE")
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, post("text/event-stream"))
		body := recorder.Body.String()
		if !strings.Contains(body, `"UNAVAILABLE"`) || !strings.HasSuffix(body, "event: complete\ndata:\n\n") {
			t.Errorf("the event stream is %q; want UNAVAILABLE and complete", body)
		}
	}
	over(limited(time.Nanosecond))

	// In time, the stream is complete too.
	recorder := httptest.NewRecorder()
	limited(time.Hour).ServeHTTP(recorder, post("text/event-stream"))
	if body := recorder.Body.String(); !strings.Contains(body, `{"data":{"viewer":`) || !strings.HasSuffix(body, "event: complete\ndata:\n\n") {
		t.Errorf("the event stream is %q; want a result and complete", body)
	}
}

// An answer has its own time to be read: a server's WriteTimeout counts from the request, and would cut an operation that took
// longer, after it was executed.
func TestAnswerHasItsOwnTime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	server := httptest.NewUnstartedServer(w.handler)
	server.Config.WriteTimeout = time.Nanosecond
	server.Config.BaseContext = func(net.Listener) context.Context { return t.Context() }
	server.Start()
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(`{"query":"{ viewer { role } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(body), "data") {
		t.Errorf("got %q, %v", body, err)
	}
}
