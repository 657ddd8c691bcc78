package gqlws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/gqlws"
)

const countTwo = `{"id":"1","type":"subscribe","payload":{"query":"subscription { count(to: 2) }"}}`

// TestClose checks the close code of each rule that a client can break with its messages.
func TestClose(t *testing.T) {
	t.Parallel()
	const feed = `{"id":"1","type":"subscribe","payload":{"query":"subscription { feed }"}}`
	for _, tt := range []struct {
		rule  string
		init  bool // connection_init first
		send  []string
		code  int
		about string // the reason must contain it
	}{
		{"BadJSON", true, []string{`{"type":`}, 4400, "JSON"},
		{"NotAnObject", true, []string{`["ping"]`}, 4400, "JSON object"},
		{"Null", true, []string{`null`}, 4400, "JSON object"},
		{"TrailingData", true, []string{`{"type":"ping"} {}`}, 4400, "JSON"},
		{"NoType", true, []string{`{"id":"1"}`}, 4400, "type"},
		{"TypeInAnotherCase", true, []string{`{"Type":"ping"}`}, 4400, "type"},
		{"PayloadInAnotherCase", true, []string{`{"type":"ping","payload":{},"Payload":{}}`}, 4400, "payload"},
		{"TypeNotAString", true, []string{`{"type":1}`}, 4400, "type"},
		{"UnknownType", true, []string{`{"type":"hello"}`}, 4400, "hello"},
		{"UnknownTypeBeforeInit", false, []string{`{"type":"hello"}`}, 4400, "hello"},
		{"ServersNext", true, []string{`{"id":"1","type":"next","payload":{}}`}, 4400, "next"},
		{"ServersError", true, []string{`{"id":"1","type":"error","payload":[]}`}, 4400, ""},
		{"ServersAck", true, []string{`{"type":"connection_ack"}`}, 4400, "connection_ack"},
		{"LegacyMessage", true, []string{`{"id":"1","type":"start","payload":{"query":"{ hello }"}}`}, 4400, "start"},
		{"SubscribeWithoutID", true, []string{`{"type":"subscribe","payload":{"query":"{ hello }"}}`}, 4400, "id"},
		{"SubscribeWithEmptyID", true, []string{`{"id":"","type":"subscribe","payload":{"query":"{ hello }"}}`}, 4400, "id"},
		{"SubscribeWithNumberID", true, []string{`{"id":1,"type":"subscribe","payload":{"query":"{ hello }"}}`}, 4400, "id"},
		{"SubscribeWithNullID", true, []string{`{"id":null,"type":"subscribe","payload":{"query":"{ hello }"}}`}, 4400, "id"},
		{"SubscribeWithObjectID", true, []string{`{"id":{},"type":"subscribe","payload":{"query":"{ hello }"}}`}, 4400, "id"},
		{"SubscribeWithHugeID", true, []string{`{"id":"` + strings.Repeat("x", 300) + `","type":"subscribe","payload":{"query":"{ hello }"}}`}, 4400, "256"},
		{"SubscribeWithoutPayload", true, []string{`{"id":"1","type":"subscribe"}`}, 4400, "payload"},
		{"SubscribeWithoutQuery", true, []string{`{"id":"1","type":"subscribe","payload":{}}`}, 4400, "query"},
		{"SubscribeWithNumberQuery", true, []string{`{"id":"1","type":"subscribe","payload":{"query":1}}`}, 4400, "GraphQL"},
		{"SubscribeWithListVariables", true, []string{`{"id":"1","type":"subscribe","payload":{"query":"{ hello }","variables":[]}}`}, 4400, "GraphQL"},
		{"SubscribeWithNullPayload", true, []string{`{"id":"1","type":"subscribe","payload":null}`}, 4400, "payload"},
		{"SubscribeWithListPayload", true, []string{`{"id":"1","type":"subscribe","payload":[]}`}, 4400, "payload"},
		{"SubscribeWithNumberName", true, []string{`{"id":"1","type":"subscribe","payload":{"query":"{ hello }","operationName":1}}`}, 4400, "GraphQL"},
		{"SubscribeWithListExtensions", true, []string{`{"id":"1","type":"subscribe","payload":{"query":"{ hello }","extensions":[]}}`}, 4400, "GraphQL"},
		{"CompleteWithoutID", true, []string{`{"type":"complete"}`}, 4400, "id"},
		{"CompleteWithEmptyID", true, []string{`{"id":"","type":"complete"}`}, 4400, "id"},
		{"CompleteWithNumberID", true, []string{`{"id":1,"type":"complete"}`}, 4400, "id"},
		{"CompleteBeforeInitWithoutID", false, []string{`{"type":"complete"}`}, 4400, "id"},
		{"ListOfMessages", true, []string{`[{"type":"ping"}]`}, 4400, "JSON object"},
		{"PayloadNotAnObject", true, []string{`{"type":"ping","payload":"now"}`}, 4400, "payload"},
		{"InitPayloadNotAnObject", false, []string{`{"type":"connection_init","payload":[]}`}, 4400, "payload"},
		{"InvalidUTF8", true, []string{"{\"type\":\"ping\",\"payload\":{\"a\":\"\xff\"}}"}, 1007, ""},
		{"SubscribeBeforeInit", false, []string{countTwo}, 4401, "Unauthorized"},
		{"SecondInit", true, []string{`{"type":"connection_init"}`}, 4429, "Too many initialisation requests"},
		{"ThirdInit", true, []string{`{"type":"connection_init"}`, `{"type":"connection_init"}`}, 4429, "Too many"},
		{"SubscriberExists", true, []string{feed, feed}, 4409, "Subscriber for 1 already exists"},
		{"SubscriberExistsAsQuery", true, []string{subscribe("1", `{ block }`), feed}, 4409, "Subscriber for 1 already exists"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
				c := s.connect(modern)
				if tt.init {
					c.send(`{"type":"connection_init"}`)
					c.expect(`{"type":"connection_ack"}`)
				}
				frames := make([][]byte, len(tt.send))
				for i, message := range tt.send {
					frames[i] = raw(final|text, message)
				}
				c.write(frames...)
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
		// Over TCP, where a reset could overtake the close frame. A loaded machine may send for longer than the default.
		c := overTCP(t, gqlws.Config{CloseTimeout: time.Minute}).ready()
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

// TestMessage checks which messages are valid.
func TestMessage(t *testing.T) {
	t.Parallel()
	const world = `{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`
	for _, tt := range []struct {
		rule string
		init bool // connection_init first
		send string
		want string
	}{
		{"UnknownKeysAreIgnored", true, `{"more":[1],"id":"1","type":"subscribe","payload":{"query":"{ hello }","more":1}}`, world},
		{"NullsAreAbsent", true, `{"id":"1","type":"subscribe","payload":{"query":"{ hello }","operationName":null,"variables":null,"extensions":null}}`, world},
		{"Extensions", true, `{"id":"1","type":"subscribe","payload":{"query":"{ hello }","extensions":{"a":{"b":1}}}}`, world},
		{"SpaceAround", true, " \n{ \"type\" : \"ping\" }\t", `{"type":"pong"}`},
		{"IDThatIsNotNeeded", true, `{"id":7,"type":"ping"}`, `{"type":"pong"}`},
		{"InitWithPayload", false, `{"type":"connection_init","payload":{"any":{"thing":1}}}`, `{"type":"connection_ack"}`},
		{"InitWithEmptyPayload", false, `{"type":"connection_init","payload":{}}`, `{"type":"connection_ack"}`},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
				c := s.connect(modern)
				if tt.init {
					c.send(`{"type":"connection_init"}`)
					c.expect(`{"type":"connection_ack"}`)
				}
				c.send(tt.send)
				c.expect(tt.want)
			})
		})
	}
	t.Run("CompleteBeforeInitIsIgnored", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.connect(modern)
			c.send(`{"id":"1","type":"complete"}`)
			c.send(`{"type":"connection_init"}`)
			c.expect(`{"type":"connection_ack"}`)
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
	t.Run("PayloadComesBackBeforeInit", func(t *testing.T) {
		inBubble(t, withAuth, func(_ *testing.T, s *server) {
			c := s.connect(modern)
			c.send(`{"type":"ping","payload":{"authorization":"ada 1h"}}`) // there is no session to refresh yet
			c.expect(`{"type":"pong","payload":{"authorization":"ada 1h"}}`)
		})
	})
	t.Run("EmptyPayloadComesBack", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(`{"type":"ping","payload":{}}`)
			c.expect(`{"type":"pong","payload":{}}`)
			c.send(`{"type":"ping","payload":null}`)
			c.expect(`{"type":"pong"}`)
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
