package gqlsse_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlsse"
	"github.com/orderwire/orderwire/internal/stream"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

func complete(e *events) {
	e.t.Helper()
	e.expect("event: complete", "data:")
	e.expectEnd()
}

func TestStream(t *testing.T) {
	t.Parallel()
	t.Run("HeadersAndItems", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
			e := s.subscribe("subscription { count(to: 2) }")
			for name, want := range map[string]string{
				"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache", "X-Accel-Buffering": "no",
			} {
				if got := e.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			e.expect("event: next", "id: 1", `data: {"data":{"count":1}}`)
			e.expect("event: next", "id: 2", `data: {"data":{"count":2}}`)
			complete(e)
		})
	})
	t.Run("LastEventIDResumes", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(_ *testing.T, s *server) {
			e := s.subscribe("subscription { count(to: 5) }", "Last-Event-ID", "4")
			e.expect("event: next", "id: 5", `data: {"data":{"count":5}}`)
			complete(e)
		})
	})
	t.Run("GetWithVariables", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(_ *testing.T, s *server) {
			e := s.do(http.MethodGet, "?"+url.Values{
				"query":         {"query A { hello } subscription B($to: Int!) { count(to: $to) }"},
				"operationName": {"B"}, "variables": {`{"to":1}`},
			}.Encode(), "")
			e.expect(":")
			e.expect("event: next", "id: 1", `data: {"data":{"count":1}}`)
			complete(e)
		})
	})
	for _, tt := range []struct{ rule, query, result string }{
		{"Query", "{ hello }", `{"data":{"hello":"world"}}`},
		{"Mutation", "mutation { touch }", `{"data":{"touch":"1"}}`},
		{"ErrorsBesideData", "{ failing }", `{"errors":[{"message":"half of it failed"}],"data":{"failing":null}}`},
		{"ResolverRefuses", "subscription { refused }", `{"errors":[{"message":"no such thing for you"}]}`},
		{"Panic", "{ crash }", `{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}`},
	} {
		t.Run("OneResult/"+tt.rule, func(t *testing.T) {
			inBubble(t, gqlsse.Config{}, func(_ *testing.T, s *server) {
				e := s.subscribe(tt.query)
				e.expect("event: next", "data: "+tt.result)
				complete(e)
			})
		})
	}
	for rule, query := range map[string]string{"Parse": "{ hello", "Validation": "{ nothing }"} {
		t.Run("ErrorBeforeExecutionIsOnTheStream/"+rule, func(t *testing.T) {
			inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
				e := s.subscribe(query)
				if got := e.block(); !strings.HasPrefix(got, "event: next\ndata: {\"errors\":[{") || strings.Contains(got, `"data":`) {
					t.Errorf("got %s", got)
				}
				complete(e)
			})
		})
	}
	t.Run("HeartbeatOnAQuietStream", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
			e, start := s.subscribe("subscription { feed }"), time.Now()
			for range 10 { // well beyond the server's read and write timeouts
				e.expect(":")
			}
			if d := time.Since(start); d != 150*time.Second {
				t.Errorf("ten heartbeats took %v, want 150s", d)
			}
			s.Items <- streamtest.Item{Value: "x"}
			e.expect("event: next", "id: 1", `data: {"data":{"feed":"x"}}`)
		})
	})
	t.Run("NothingIsPulledWhileAnEventIsUnwritten", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
			s.subscribe("subscription { feed }")
			big := strings.Repeat("x", 1<<20) // more than the client's buffers take
			s.Items <- streamtest.Item{Value: big}
			synctest.Wait()
			if n := len(s.Pulled); n != 1 {
				t.Errorf("pulled %d times while the first event is not written, want 1", n)
			}
			start := time.Now()
			s.Wait() // the write deadline ends it
			if d := time.Since(start); d != 8*time.Second {
				t.Errorf("cut after %v, want 8s", d)
			}
		})
	})
	t.Run("ClientGoesAway", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
			s.subscribe("subscription { feed }").stop()
			s.Wait()
			synctest.Wait()
			if n := s.Streams(); n != 0 {
				t.Errorf("%d streams are open", n)
			}
		})
	})
	t.Run("TheConnectionServesTheNextRequest", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
			s.web.WriteTimeout = 0 // so that a deadline left behind by the stream would stay in force
			for range 2 {
				e := s.subscribe("{ hello }")
				e.expect("event: next", `data: {"data":{"hello":"world"}}`)
				complete(e)
				_ = e.Body.Close()
				time.Sleep(15 * time.Second) // of the bubble's clock: beyond the event's write deadline
			}
			s.http.CloseIdleConnections()
			if n := s.connections.Load(); n != 1 {
				t.Errorf("%d connections, want one for both", n)
			}
		})
	})
}

func TestStreamEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule string
		err  error
		want []string // blocks before the end
	}{
		{"Done", stream.ErrDone, []string{"event: complete\ndata:"}},
		{"Draining", stream.ErrDraining, []string{": server is draining, reconnect and resume"}},
		{"Outdated", stream.ErrOutdated, []string{": this server is older than the next item, reconnect and resume"}},
		{"SlowConsumer", &stream.SlowConsumerError{Cursor: "AQEB"}, []string{": slow consumer: reconnect and resume with Last-Event-ID: AQEB"}},
		{"SlowConsumerWithoutItem", &stream.SlowConsumerError{}, []string{": slow consumer: reconnect"}},
		{"Internal", errors.New("secret detail"), nil},
		{"Fault", fault.New(fault.InvalidCursor, "The cursor is another order's."), []string{
			`event: next` + "\n" + `data: {"errors":[{"message":"The cursor is another order's.","path":["feed"],"extensions":{"code":"INVALID_CURSOR"}}]}`,
			"event: complete\ndata:",
		}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
				e := s.subscribe("subscription { feed }")
				s.Items <- streamtest.Item{Err: tt.err}
				for _, want := range tt.want {
					if got := e.block(); got != want && got != strings.Replace(want, `"path":["feed"],`, "", 1) {
						t.Errorf("got\n%s\nwant\n%s", got, want)
					}
				}
				e.expectEnd()
			})
		})
	}
	t.Run("Expiry", func(t *testing.T) {
		cfg := gqlsse.Config{Expires: func(context.Context) time.Time { return time.Now().Add(10 * time.Second) }}
		inBubble(t, cfg, func(t *testing.T, s *server) {
			e, start := s.subscribe("subscription { feed }"), time.Now()
			if got := e.block(); !strings.HasPrefix(got, "event: next\ndata: {") || !strings.Contains(got, `"UNAUTHENTICATED"`) {
				t.Errorf("got %s", got)
			}
			complete(e)
			if d := time.Since(start); d != 10*time.Second {
				t.Errorf("ended after %v, want 10s", d)
			}
		})
	})
	t.Run("Drain", func(t *testing.T) {
		inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
			e := s.subscribe("subscription { feed }")
			drained := make(chan error, 1)
			go func() { drained <- s.Drain(t.Context()) }()
			e.expect(": server is draining, reconnect and resume") // and no complete, so the client reconnects
			e.expectEnd()
			if err := <-drained; err != nil {
				t.Errorf("Drain: %v", err)
			}
			if e := s.do(http.MethodPost, "", `{"query":"{ hello }"}`); e.StatusCode != http.StatusServiceUnavailable ||
				e.Header.Get("Retry-After") == "" {
				t.Errorf("a stream while draining: %s", e.Status)
			}
		})
	})
	t.Run("TooManyStreams", func(t *testing.T) {
		inBubble(t, gqlsse.Config{MaxStreams: 1}, func(t *testing.T, s *server) {
			first := s.subscribe("subscription { feed }")
			e := s.do(http.MethodPost, "", `{"query":"{ hello }"}`)
			if e.StatusCode != http.StatusTooManyRequests || e.Header.Get("Retry-After") == "" {
				t.Errorf("second stream: %s, Retry-After %q", e.Status, e.Header.Get("Retry-After"))
			}
			first.stop()
			synctest.Wait()
			s.subscribe("{ hello }")
		})
	})
}
