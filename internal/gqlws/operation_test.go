package gqlws_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

func subscribe(id, query string) string {
	return fmt.Sprintf(`{"id":%q,"type":"subscribe","payload":{"query":%q}}`, id, query)
}

func TestOperation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, query string
		want        []string // next payloads, then complete
	}{
		{"Query", `{ hello }`, []string{`{"data":{"hello":"world"}}`}},
		{"Mutation", `mutation { touch }`, []string{`{"data":{"touch":"1"}}`}},
		{"Subscription", `subscription { count(to: 3) }`, []string{`{"data":{"count":1}}`, `{"data":{"count":2}}`, `{"data":{"count":3}}`}},
		{"SubscriptionWithoutPull", `subscription { plain }`, []string{`{"data":{"plain":1}}`, `{"data":{"plain":2}}`}},
		{"WokenWhileAsked", `subscription { late }`, []string{`{"data":{"late":1}}`}},
		{"SubscriptionWithoutItems", `subscription { count(to: 0) }`, nil},
		{"ErrorsBesideData", `{ failing }`, []string{`{"errors":[{"message":"half of it failed"}],"data":{"failing":null}}`}},
	} {
		t.Run("Complete/"+tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
				c := s.ready()
				c.send(subscribe("a", tt.query))
				for _, payload := range tt.want {
					c.expect(`{"id":"a","type":"next","payload":` + payload + `}`)
				}
				c.expect(`{"id":"a","type":"complete"}`)
				s.Wait() // the operation's context has ended; the socket's has not
				// The id is free again.
				c.send(subscribe("a", `{ hello }`))
				c.expect(`{"id":"a","type":"next","payload":{"data":{"hello":"world"}}}`)
			})
		})
	}
	for _, tt := range []struct{ rule, query, code string }{
		{"Parse", `{ hello`, "GRAPHQL_PARSE_FAILED"},
		{"Validation", `subscription { nothing }`, "GRAPHQL_VALIDATION_FAILED"},
		{"Variables", `subscription ($to: Int!) { count(to: $to) }`, "GRAPHQL_VALIDATION_FAILED"},
		{"ResolverRefuses", `subscription { refused }`, ""},
		{"Panic", `{ crash }`, "INTERNAL"},
		{"PanicInStream", `subscription { crashing }`, "INTERNAL"},
	} {
		t.Run("ErrorWithoutComplete/"+tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
				c := s.ready()
				c.send(subscribe("a", tt.query))
				c.expectError("a", tt.code)
				synctest.Wait()
				// The id is free and the socket is open: no complete was sent.
				c.send(subscribe("a", `{ hello }`))
				c.expect(`{"id":"a","type":"next","payload":{"data":{"hello":"world"}}}`)
				c.expect(`{"id":"a","type":"complete"}`)
			})
		})
	}
	t.Run("VariablesAndName", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(`{"id":"a","type":"subscribe","payload":{"operationName":"B","variables":{"to":1},"extensions":null,
				"query":"query A { hello } subscription B($to: Int!) { n: count(to: $to) }"}}`)
			c.expect(`{"id":"a","type":"next","payload":{"data":{"n":1}}}`)
			c.expect(`{"id":"a","type":"complete"}`)
		})
	})
	t.Run("IDIsEscaped", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a\"\n", `{ hello }`))
			c.expect(`{"id":"a\"\n","type":"next","payload":{"data":{"hello":"world"}}}`)
			c.expect(`{"id":"a\"\n","type":"complete"}`)
		})
	})
	t.Run("OperationsInterleave", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `subscription { feed }`))
			c.send(subscribe("b", `subscription { count(to: 1) }`))
			c.expect(`{"id":"b","type":"next","payload":{"data":{"count":1}}}`)
			c.expect(`{"id":"b","type":"complete"}`)
			s.Items <- streamtest.Item{Value: "x"}
			c.expect(`{"id":"a","type":"next","payload":{"data":{"feed":"x"}}}`)
		})
	})
}

func TestClientComplete(t *testing.T) {
	t.Parallel()
	t.Run("EndsTheOperationAndFreesTheID", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `subscription { feed }`))
			c.send(`{"id":"a","type":"complete"}`)
			c.send(subscribe("a", `subscription { count(to: 1) }`))
			c.expect(`{"id":"a","type":"next","payload":{"data":{"count":1}}}`)
			c.expect(`{"id":"a","type":"complete"}`)
			s.Wait()
		})
	})
	t.Run("UnknownIDIsIgnored", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(`{"id":"never","type":"complete"}`)
			c.send(subscribe("a", `{ hello }`))
			c.expect(`{"id":"a","type":"next","payload":{"data":{"hello":"world"}}}`)
			c.expect(`{"id":"a","type":"complete"}`)
			c.send(`{"id":"a","type":"complete"}`) // crosses the server's complete
			c.send(`{"type":"ping"}`)
			c.expect(`{"type":"pong"}`)
		})
	})
	t.Run("QueuedFramesAreNotSentUnderTheNextOne", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			// a's item is being written, which blocks until it is read. b's is queued behind it.
			c.send(subscribe("a", `subscription { feed }`))
			s.Items <- streamtest.Item{Value: "first"}
			synctest.Wait()
			c.send(subscribe("b", `subscription { count(to: 5) }`))
			synctest.Wait()
			c.send(`{"id":"b","type":"complete"}`)
			c.send(subscribe("b", `{ hello }`))
			synctest.Wait()
			c.expect(`{"id":"a","type":"next","payload":{"data":{"feed":"first"}}}`)
			c.expect(`{"id":"b","type":"next","payload":{"data":{"hello":"world"}}}`)
			c.expect(`{"id":"b","type":"complete"}`)
		})
	})
}

func TestTooManySubscriptions(t *testing.T) {
	t.Parallel()
	t.Run("ErrorForThatIDAndTheSocketStays", func(t *testing.T) {
		inBubble(t, gqlws.Config{MaxSubscriptions: 2}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `subscription { feed }`))
			c.send(subscribe("b", `{ block }`))
			c.send(subscribe("c", `{ hello }`))
			c.expectError("c", "TOO_MANY_SUBSCRIPTIONS")
			c.send(`{"id":"b","type":"complete"}`)
			c.send(subscribe("c", `{ hello }`))
			c.expect(`{"id":"c","type":"next","payload":{"data":{"hello":"world"}}}`)
			c.expect(`{"id":"c","type":"complete"}`)
		})
	})
	t.Run("CompletedOperationsThatStillRunCount", func(t *testing.T) {
		inBubble(t, gqlws.Config{MaxSubscriptions: 2}, func(_ *testing.T, s *server) {
			c := s.ready()
			for range 4 { // twice the limit
				c.send(subscribe("a", `{ stubborn }`))
				synctest.Wait() // it has begun; one that is completed earlier never begins
				c.send(`{"id":"a","type":"complete"}`)
			}
			c.send(subscribe("b", `{ hello }`))
			c.expectError("b", "TOO_MANY_SUBSCRIPTIONS")
			for range 4 {
				s.Items <- streamtest.Item{Value: "let go"}
			}
			synctest.Wait()
			c.send(subscribe("b", `{ hello }`))
			c.expect(`{"id":"b","type":"next","payload":{"data":{"hello":"world"}}}`)
			c.expect(`{"id":"b","type":"complete"}`)
		})
	})
	t.Run("OtherSocketsHaveTheirOwnLimit", func(t *testing.T) {
		inBubble(t, gqlws.Config{MaxSubscriptions: 1}, func(_ *testing.T, s *server) {
			s.ready().send(subscribe("a", `subscription { feed }`))
			c := s.ready()
			c.send(subscribe("a", `subscription { count(to: 1) }`))
			c.expect(`{"id":"a","type":"next","payload":{"data":{"count":1}}}`)
		})
	})
}

// TestStreamEnd checks what each reason for a stream's end does to the socket.
func TestStreamEnd(t *testing.T) {
	t.Parallel()
	feed := func(s *server, err error) *client {
		c := s.ready()
		c.send(subscribe("a", `subscription { feed }`))
		s.Items <- streamtest.Item{Err: err}
		return c
	}
	for _, tt := range []struct {
		rule  string
		err   error
		code  int
		about string
	}{
		{"Draining", fmt.Errorf("hub: %w", stream.ErrDraining), 1012, "resume"},
		{"Outdated", fmt.Errorf("hub: %w", stream.ErrOutdated), 1013, "resume"},
		{"SlowConsumer", &stream.SlowConsumerError{Cursor: "AQEBAZNfQwEAAAAAAAAAAAAAAQ"}, 4008, "resume with after=AQEBAZNfQwEAAAAAAAAAAAAAAQ (id a)"},
		{"SlowConsumerWithoutItem", &stream.SlowConsumerError{}, 4008, "resume with the last cursor as `after`"},
		{"Internal", errors.New("secret detail"), 1013, "internal"},
		{"EOFIsNotDone", fmt.Errorf("read: %w", io.EOF), 1013, "internal"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
				reason := feed(s, tt.err).expectClose(tt.code)
				if !strings.Contains(reason, tt.about) || strings.Contains(reason, "secret") {
					t.Errorf("reason %q", reason)
				}
			})
		})
	}
	t.Run("Done", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			feed(s, stream.ErrDone).expect(`{"id":"a","type":"complete"}`)
		})
	})
	t.Run("Fault", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := feed(s, fault.New(fault.InvalidCursor, "The cursor is another order's."))
			c.expectError("a", "INVALID_CURSOR")
			c.send(`{"type":"ping"}`)
			c.expect(`{"type":"pong"}`)
		})
	})
}
