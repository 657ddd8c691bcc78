package gqlws_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// each runs a test in both dialects.
func each(t *testing.T, cfg gqlws.Config, test func(t *testing.T, s *server, c *client, d dialect)) {
	t.Helper()
	for _, d := range []dialect{{modern, "subscribe", "next"}, {legacy, "start", "data"}} {
		t.Run(d.subprotocol, func(t *testing.T) {
			inBubble(t, cfg, func(t *testing.T, s *server) { test(t, s, s.connect(d.subprotocol), d) })
		})
	}
}

type dialect struct{ subprotocol, subscribe, next string }

func (d dialect) init(c *client, token string) {
	c.t.Helper()
	c.send(initAs(token))
	c.expect(`{"type":"connection_ack"}`)
	if d.subprotocol == legacy {
		c.expect(`{"type":"ka"}`)
	}
}

func (d dialect) start(c *client, id, query string) {
	c.t.Helper()
	c.send(`{"id":"` + id + `","type":"` + d.subscribe + `","payload":{"query":"` + query + `"}}`)
}

func (d dialect) answered(c *client, id, data string) {
	c.t.Helper()
	c.expect(`{"id":"` + id + `","type":"` + d.next + `","payload":{"data":` + data + `}}`)
	c.expect(`{"id":"` + id + `","type":"complete"}`)
}

// unanswered reads the error message of an operation without an answer.
func (d dialect) unanswered(c *client, id string) {
	c.t.Helper()
	if d.subprotocol == modern {
		c.expectError(id, "UNAVAILABLE")
		return
	}
	raw := c.read()
	var m struct {
		Type, ID string
		Payload  struct{ Extensions struct{ Code string } }
	}
	if err := json.Unmarshal([]byte(raw), &m); err != nil || m.Type != "error" || m.ID != id || m.Payload.Extensions.Code != "UNAVAILABLE" {
		c.t.Fatalf("got %s\nwant an UNAVAILABLE error for %q", raw, id)
	}
}

// drain starts to drain the server and returns a function that waits for the end.
func drain(s *server) (wait func()) {
	done := make(chan error, 1)
	go func() { done <- s.Drain(s.t.Context()) }()
	return func() {
		if err := <-done; err != nil {
			s.t.Errorf("Drain: %v", err)
		}
	}
}

// TestUnanswered checks the message about each operation that a closing socket leaves unanswered: without it, stock clients
// would send the operation again.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	closedMeanwhile := func(c *client, d dialect, code int) {
		c.t.Helper()
		d.unanswered(c, "m")
		c.expectClose(code)
	}
	t.Run("Internal", func(t *testing.T) {
		each(t, withAuth, func(_ *testing.T, s *server, c *client, d dialect) {
			d.init(c, "ada 1h")
			d.start(c, "s", "subscription { feed }")
			d.start(c, "m", "mutation { block }")
			synctest.Wait()
			s.Items <- streamtest.Item{Err: errors.New("broken")}
			closedMeanwhile(c, d, 1013)
		})
	})
	t.Run("Drain", func(t *testing.T) {
		each(t, withAuth, func(_ *testing.T, s *server, c *client, d dialect) {
			d.init(c, "ada 1h")
			d.start(c, "m", "mutation { block }")
			synctest.Wait()
			defer drain(s)()
			closedMeanwhile(c, d, 1012)
		})
	})
	t.Run("AnswerTimeoutAfterTheSession", func(t *testing.T) {
		cfg := withAuth
		cfg.PingInterval = time.Hour
		each(t, cfg, func(_ *testing.T, _ *server, c *client, d dialect) {
			d.init(c, "ada 10s")
			d.start(c, "m", "mutation { block }")
			closedMeanwhile(c, d, 4403)
		})
	})
	t.Run("SubscriptionsGetNoError", func(t *testing.T) {
		each(t, withAuth, func(_ *testing.T, s *server, c *client, d dialect) {
			d.init(c, "ada 1h")
			d.start(c, "s", "subscription { outlived }")
			synctest.Wait()
			defer drain(s)()
			c.expectClose(1012)
		})
	})
	t.Run("AnUnreadAnswerGetsAnError", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("s", `subscription { feed }`))
			s.Items <- streamtest.Item{Value: "x"}
			synctest.Wait() // the item is being written
			c.send(subscribe("m", `mutation { touch }`))
			synctest.Wait()                     // its answer is queued
			time.Sleep(6 * time.Second)         // of the bubble's clock; the client has not read within WriteTimeout
			all, err := io.ReadAll(c.NetConn()) // but within StallGrace
			if err != nil {
				t.Fatal(err)
			}
			refused, closed := bytes.Index(all, []byte(`{"id":"m","type":"error"`)), bytes.Index(all, []byte("slow consumer"))
			if s.Touched.Load() != 1 || refused < 0 || closed < refused || bytes.Contains(all, []byte(`"touch"`)) {
				t.Errorf("got %q; want an error for m, then the close frame", all)
			}
		})
	})
	t.Run("AQueuedAnswerPrecedesTheClose", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("s", `subscription { feed }`))
			s.Items <- streamtest.Item{Value: "x"}
			synctest.Wait()
			c.send(subscribe("m", `mutation { touch }`))
			synctest.Wait()
			c.send(`{`)
			c.expect(`{"id":"s","type":"next","payload":{"data":{"feed":"x"}}}`)
			c.expect(`{"id":"m","type":"next","payload":{"data":{"touch":"1"}}}`)
			c.expect(`{"id":"m","type":"complete"}`)
			c.expectClose(4400)
		})
	})
}

func TestSessionEndsDuringOperations(t *testing.T) {
	t.Parallel()
	// inTheMiddle ends the session while a mutation runs and a subscription is idle.
	inTheMiddle := func(s *server, c *client, d dialect, end func()) {
		d.start(c, "s", "subscription { feed }")
		<-s.Pulled
		d.start(c, "m", "mutation { stubborn }")
		synctest.Wait()
		end()
		synctest.Wait()
		d.start(c, "late", "mutation { touch }")
		synctest.Wait()
		s.Items <- streamtest.Item{Value: "1"} // the subscription takes one and sends nothing any more
		s.Items <- streamtest.Item{Value: "1"}
		d.answered(c, "m", `{"stubborn":"1"}`)
		c.expectClose(4403)
		if n := s.Touched.Load(); n != 0 {
			c.t.Errorf("%d mutations began in a session that is over", n)
		}
	}
	t.Run("Expired", func(t *testing.T) {
		each(t, withAuth, func(_ *testing.T, s *server, c *client, d dialect) {
			d.init(c, "ada 10s")
			inTheMiddle(s, c, d, func() { time.Sleep(11 * time.Second) }) // of the bubble's clock
		})
	})
	var connection stream.Connection
	t.Run("SignedOut", func(t *testing.T) {
		cfg := gqlws.Config{Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
			connection, ctx = stream.ConnectionOf(ctx)
			return ctx, gqlws.Authentication{}, nil
		}}
		inBubble(t, cfg, func(_ *testing.T, s *server) {
			c, d := s.connect(modern), dialect{modern, "subscribe", "next"}
			d.init(c, "")
			inTheMiddle(s, c, d, func() { connection.End(errors.New("signed out")) })
		})
	})
	t.Run("NothingBeginsAfterTheSessionEnds", func(t *testing.T) {
		inBubble(t, gqlws.Config{SessionAlive: func(context.Context) bool { return false }}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("m", `mutation { touch }`))
			synctest.Wait()
			c.send(`{`)
			c.expectClose(4400)
			if n := s.Touched.Load(); n != 0 {
				t.Errorf("%d mutations began", n)
			}
		})
	})
}

// TestContextOfAnOperation checks that middleware may end the operation's own context early.
func TestContextOfAnOperation(t *testing.T) {
	t.Parallel()
	t.Run("EndsWithItsResult", func(t *testing.T) {
		each(t, withAuth, func(_ *testing.T, s *server, c *client, d dialect) {
			s.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
				ctx, cancel := context.WithCancel(ctx)
				responses := next(ctx)
				return func(ctx context.Context) *graphql.Response {
					defer cancel()
					return responses(ctx)
				}
			})
			d.init(c, "ada 1h")
			d.start(c, "q", "{ hello }")
			d.answered(c, "q", `{"hello":"world"}`)
			d.start(c, "m", "mutation { touch }")
			d.answered(c, "m", `{"touch":"1"}`)
		})
	})
	t.Run("EndsBeforeItBegins", func(t *testing.T) {
		each(t, withAuth, func(_ *testing.T, s *server, c *client, d dialect) {
			s.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return next(ctx)
			})
			d.init(c, "ada 1h")
			d.start(c, "q", "{ hello }")
			d.unanswered(c, "q")
			d.start(c, "q", "{ hello }") // the id is free
			d.unanswered(c, "q")
		})
	})
}

func TestUnmarshalableResult(t *testing.T) {
	inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
		s.AroundResponses(func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
			response := next(ctx)
			response.Extensions = map[string]any{"x": func() {}}
			return response
		})
		c := s.ready()
		c.send(subscribe("m", `mutation { touch }`))
		c.expectError("m", "INTERNAL") // and no close, after which clients would send it again
		c.send(`{"type":"ping"}`)
		c.expect(`{"type":"pong"}`)
		if s.Touched.Load() != 1 {
			t.Errorf("%d executions", s.Touched.Load())
		}
	})
}
