package gqlws_test

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/gqlws"
)

const countTwo = `{"id":"1","type":"subscribe","payload":{"query":"subscription { count(to: 2) }"}}`

// TestClose holds the close code of each rule that one client can break by what it sends.
func TestClose(t *testing.T) {
	t.Parallel()
	const feed = `{"id":"1","type":"subscribe","payload":{"query":"subscription { feed }"}}`
	for _, tt := range []struct {
		rule  string
		init  bool // connection_init first
		send  []string
		code  int
		about string // must be in the reason
	}{
		{"BadJSON", true, []string{`{"type":`}, 4400, "JSON"},
		{"NotAnObject", true, []string{`["ping"]`}, 4400, "JSON object"},
		{"Null", true, []string{`null`}, 4400, "JSON object"},
		{"TrailingData", true, []string{`{"type":"ping"} {}`}, 4400, "JSON"},
		{"NoType", true, []string{`{"id":"1"}`}, 4400, "type"},
		{"TypeInAnotherCase", true, []string{`{"Type":"ping"}`}, 4400, "type"},
		{"TypeNotAString", true, []string{`{"type":1}`}, 4400, "type"},
		{"UnknownType", true, []string{`{"type":"hello"}`}, 4400, "hello"},
		{"UnknownTypeBeforeInit", false, []string{`{"type":"hello"}`}, 4400, "hello"},
		{"ServersMessage", true, []string{`{"id":"1","type":"next","payload":{}}`}, 4400, "next"},
		{"LegacyMessage", true, []string{`{"id":"1","type":"start","payload":{"query":"{ hello }"}}`}, 4400, "start"},
		{"SubscribeWithoutID", true, []string{`{"type":"subscribe","payload":{"query":"{ hello }"}}`}, 4400, "id"},
		{"SubscribeWithEmptyID", true, []string{`{"id":"","type":"subscribe","payload":{"query":"{ hello }"}}`}, 4400, "id"},
		{"SubscribeWithNumberID", true, []string{`{"id":1,"type":"subscribe","payload":{"query":"{ hello }"}}`}, 4400, "id"},
		{"SubscribeWithHugeID", true, []string{`{"id":"` + strings.Repeat("x", 300) + `","type":"subscribe","payload":{"query":"{ hello }"}}`}, 4400, "256"},
		{"SubscribeWithoutPayload", true, []string{`{"id":"1","type":"subscribe"}`}, 4400, "payload"},
		{"SubscribeWithoutQuery", true, []string{`{"id":"1","type":"subscribe","payload":{}}`}, 4400, "query"},
		{"SubscribeWithNumberQuery", true, []string{`{"id":"1","type":"subscribe","payload":{"query":1}}`}, 4400, "GraphQL"},
		{"SubscribeWithListVariables", true, []string{`{"id":"1","type":"subscribe","payload":{"query":"{ hello }","variables":[]}}`}, 4400, "GraphQL"},
		{"CompleteWithoutID", true, []string{`{"type":"complete"}`}, 4400, "id"},
		{"PayloadNotAnObject", true, []string{`{"type":"ping","payload":"now"}`}, 4400, "payload"},
		{"InitPayloadNotAnObject", false, []string{`{"type":"connection_init","payload":[]}`}, 4400, "payload"},
		{"InvalidUTF8", true, []string{"{\"type\":\"ping\",\"payload\":{\"a\":\"\xff\"}}"}, 1007, ""},
		{"SubscribeBeforeInit", false, []string{countTwo}, 4401, "Unauthorized"},
		{"SecondInit", true, []string{`{"type":"connection_init"}`}, 4429, "Too many initialisation requests"},
		{"SubscriberExists", true, []string{feed, feed}, 4409, "Subscriber for 1 already exists"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
				c := s.connect(modern)
				if tt.init {
					c.send(`{"type":"connection_init"}`)
					c.expect(`{"type":"connection_ack"}`)
				}
				for _, raw := range tt.send {
					c.send(raw)
				}
				if reason := c.expectClose(tt.code); !strings.Contains(reason, tt.about) {
					t.Errorf("reason %q does not name %q", reason, tt.about)
				}
			})
		})
	}
	t.Run("BinaryFrame", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			if err := c.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`)); err != nil {
				t.Fatal(err)
			}
			c.expectClose(4400)
		})
	})
	t.Run("MessageTooLarge", func(t *testing.T) {
		t.Parallel()
		// Over TCP, where a reset could overtake the close frame.
		c := overTCP(t, gqlws.Config{}).ready()
		c.send(`{"type":"ping","payload":{"x":"` + strings.Repeat("x", 8<<20) + `"}}`)
		c.expectClose(1009)
	})
	t.Run("MessageOfTheLimit", func(t *testing.T) {
		t.Parallel()
		c := overTCP(t, gqlws.Config{MaxMessageBytes: 1000}).ready()
		head, tail := `{"type":"ping","payload":{"x":"`, `"}}`
		text := strings.Repeat("x", 1000-len(head)-len(tail))
		c.send(head + text + tail)
		c.expect(`{"type":"pong","payload":{"x":"` + text + `"}}`)
	})
	t.Run("ReasonFitsTheFrame", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(`{"type":"` + strings.Repeat("ü", 200) + `"}`)
			if reason := c.expectClose(4400); len(reason) > 123 || strings.Contains(reason, "\uFFFD") {
				t.Errorf("reason of %d bytes: %q", len(reason), reason)
			}
		})
	})
}

func TestSubprotocol(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule    string
		offered []string
		chosen  string
	}{
		{"Modern", []string{modern}, modern},
		{"Legacy", []string{legacy}, legacy},
		{"ModernIsPreferred", []string{legacy, modern}, modern},
		{"UnknownBesideOurs", []string{"mqtt", modern}, modern},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
				if got := s.connect(tt.offered...).Subprotocol(); got != tt.chosen {
					t.Errorf("chosen %q, want %q", got, tt.chosen)
				}
			})
		})
	}
	for rule, offered := range map[string][]string{"NoneAcceptable": {"mqtt", "soap"}, "NoneOffered": nil} {
		t.Run(rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
				s.connect(offered...).expectClose(4406)
			})
		})
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	t.Run("BeforeInit", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.connect(modern)
			c.send(`{"type":"ping"}`)
			c.expect(`{"type":"pong"}`)
			c.send(`{"type":"pong"}`)
			c.send(`{"type":"connection_init","payload":null}`)
			c.expect(`{"type":"connection_ack"}`)
		})
	})
	t.Run("PayloadComesBack", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(`{"type":"ping","payload":{"at":12345678901234567890,"nested":{"a":[1]}}}`)
			if got := c.read(); !strings.Contains(got, `"payload":{"at":12345678901234567890,"nested":{"a":[1]}}`) {
				t.Errorf("pong = %s", got)
			}
		})
	})
	t.Run("UnsolicitedPong", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(`{"type":"pong","payload":{}}`)
			c.send(`{"type":"ping"}`)
			c.expect(`{"type":"pong"}`)
		})
	})
}

func TestLegacy(t *testing.T) {
	t.Parallel()
	ready := func(s *server) *client {
		c := s.connect(legacy)
		c.send(`{"type":"connection_init","payload":{}}`)
		c.expect(`{"type":"connection_ack"}`)
		c.expect(`{"type":"ka"}`)
		return c
	}
	t.Run("OK", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := ready(s)
			c.send(`{"id":"1","type":"start","payload":{"query":"subscription { count(to: 2) }"}}`)
			c.expect(`{"id":"1","type":"data","payload":{"data":{"count":1}}}`)
			c.expect(`{"id":"1","type":"data","payload":{"data":{"count":2}}}`)
			c.expect(`{"id":"1","type":"complete"}`)
			c.send(`{"type":"connection_terminate"}`)
			c.expectClose(1000)
		})
	})
	t.Run("StopIsAnsweredWithComplete", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := ready(s)
			c.send(`{"id":"1","type":"start","payload":{"query":"subscription { feed }"}}`)
			c.send(`{"id":"1","type":"stop"}`)
			c.expect(`{"id":"1","type":"complete"}`)
		})
	})
	t.Run("ErrorIsOneObject", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := ready(s)
			c.send(`{"id":"1","type":"start","payload":{"query":"subscription { nothing }"}}`)
			if got := c.read(); !strings.Contains(got, `"type":"error","payload":{"message":`) {
				t.Errorf("error = %s", got)
			}
		})
	})
	t.Run("InvalidMessageIsAnswered", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := ready(s)
			c.send(`{"type":"subscribe"}`)
			if got := c.read(); !strings.Contains(got, `"type":"connection_error"`) {
				t.Errorf("answer = %s", got)
			}
			c.send(`{"id":"1","type":"start","payload":{"query":"{ hello }"}}`)
			c.expect(`{"id":"1","type":"data","payload":{"data":{"hello":"world"}}}`)
			c.expect(`{"id":"1","type":"complete"}`)
		})
	})
	t.Run("StartBeforeInit", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.connect(legacy)
			c.send(`{"id":"1","type":"start","payload":{"query":"{ hello }"}}`)
			c.expectClose(4401)
		})
	})
}
