package gqlsse_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/gqlsse"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// refused reads the errors in place of a result, and the end of the stream.
func (e *events) refused(code string) {
	e.t.Helper()
	if got := e.block(); !strings.HasPrefix(got, `event: next`+"\n"+`data: {"errors":[{`) || !strings.Contains(got, `"code":"`+code+`"`) {
		e.t.Errorf("got %s\nwant an error with code %s", got, code)
	}
	complete(e)
}

// TestAnswered checks that the stream of a query or a mutation ends with complete: without it, the stock
// client would send the operation again.
func TestAnswered(t *testing.T) {
	t.Parallel()
	t.Run("ExpiryDuringTheOperation", func(t *testing.T) {
		cfg := gqlsse.Config{Expires: func(context.Context) time.Time { return time.Now().Add(10 * time.Second) }}
		inBubble(t, cfg, func(_ *testing.T, s *server) {
			e := s.subscribe("mutation { stubborn }")
			time.Sleep(11 * time.Second) // of the bubble's clock
			synctest.Wait()
			s.Items <- streamtest.Item{Value: "done"}
			e.expect("event: next", `data: {"data":{"stubborn":"done"}}`)
			complete(e)
		})
	})
	t.Run("NeedsNoSession", func(t *testing.T) {
		cfg := gqlsse.Config{Open: func(context.Context) (context.Context, error) { return nil, gqlsse.ErrTooManyStreams }}
		inBubble(t, cfg, func(_ *testing.T, s *server) {
			e := s.subscribe("mutation { touch }")
			e.expect("event: next", `data: {"data":{"touch":"1"}}`)
			complete(e)
		})
	})
	t.Run("DrainDuringTheOperation", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
			s.AroundResponses(func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
				response := next(ctx)
				if ctx.Err() != nil { // like a resolver whose statement was cancelled
					return graphql.ErrorResponse(ctx, "cancelled")
				}
				return response
			})
			e := s.subscribe("mutation { block }")
			synctest.Wait()
			drained := make(chan error, 1)
			go func() { drained <- s.Drain(t.Context()) }()
			e.refused("UNAVAILABLE")
			if err := <-drained; err != nil {
				t.Errorf("Drain: %v", err)
			}
		})
	})
}

// Middleware may end the operation's own context early, which must not end the stream.
func TestContextOfAnOperation(t *testing.T) {
	t.Parallel()
	t.Run("EndsWithItsResult", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(_ *testing.T, s *server) {
			s.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
				ctx, cancel := context.WithCancel(ctx)
				responses := next(ctx)
				return func(ctx context.Context) *graphql.Response {
					defer cancel()
					return responses(ctx)
				}
			})
			e := s.subscribe("mutation { touch }")
			e.expect("event: next", `data: {"data":{"touch":"1"}}`)
			complete(e)
		})
	})
	t.Run("EndsBeforeItBegins", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(_ *testing.T, s *server) {
			s.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return next(ctx)
			})
			s.subscribe("{ hello }").refused("UNAVAILABLE")
		})
	})
}

func TestUnmarshalableResult(t *testing.T) {
	inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
		s.AroundResponses(func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
			response := next(ctx)
			response.Extensions = map[string]any{"x": func() {}}
			return response
		})
		s.subscribe("mutation { touch }").refused("INTERNAL")
		if n := s.Touched.Load(); n != 1 {
			t.Errorf("%d executions", n)
		}
	})
}

// A client whose neighbours do not read may repeat a query to get its result. It must not repeat a mutation.
func TestUnreadAnswer(t *testing.T) {
	unread := addresslimit.NewUnread(100 << 10)
	account := unread.Of("192.0.2.1")
	account.Add(90 << 10)
	large := `{"touch":"` + strings.Repeat("x", 20<<10) + `"}`
	inBubble(t, gqlsse.Config{Unread: func(*http.Request) *addresslimit.Account { return account }}, func(t *testing.T, s *server) {
		s.AroundResponses(func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
			response := next(ctx)
			response.Data = []byte(large)
			return response
		})
		s.subscribe("{ hello }").refused("RATE_LIMITED")
		e := s.subscribe("mutation { touch }")
		e.expect("event: next", `data: {"data":`+large+`}`)
		complete(e)
		synctest.Wait()
		if held := unread.Held(); held != 90<<10 {
			t.Errorf("%d bytes are still held", held-90<<10)
		}
	})
}
