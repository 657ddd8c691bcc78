package gqlws_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// TestLegacy checks the protocol of subscriptions-transport-ws.
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
	t.Run("ErrorsBesideDataAreData", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := ready(s)
			c.send(`{"id":"1","type":"start","payload":{"query":"{ failing }"}}`)
			c.expect(`{"id":"1","type":"data","payload":{"errors":[{"message":"half of it failed"}],"data":{"failing":null}}}`)
			c.expect(`{"id":"1","type":"complete"}`)
		})
	})
	t.Run("ErrorWithoutComplete", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := ready(s)
			c.send(`{"id":"1","type":"start","payload":{"query":"{ nothing }"}}`)
			if got := c.read(); !strings.Contains(got, `"type":"error"`) {
				t.Errorf("got %s", got)
			}
			synctest.Wait()
			c.send(`{"id":"1","type":"start","payload":{"query":"{ hello }"}}`) // the id is free
			c.expect(`{"id":"1","type":"data","payload":{"data":{"hello":"world"}}}`)
		})
	})
	t.Run("StopOfAnUnknownID", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := ready(s)
			c.send(`{"id":"never","type":"stop"}`)
			c.expect(`{"id":"never","type":"complete"}`)
		})
	})
	t.Run("NothingFollowsAStop", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := ready(s)
			c.send(`{"id":"1","type":"start","payload":{"query":"subscription { feed }"}}`)
			s.Items <- streamtest.Item{Value: "1"}
			synctest.Wait() // it is being written
			c.send(`{"id":"1","type":"stop"}`)
			c.expect(`{"id":"1","type":"data","payload":{"data":{"feed":"1"}}}`)
			c.expect(`{"id":"1","type":"complete"}`)
			s.Wait()
		})
	})
	t.Run("TerminateBeforeInit", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.connect(legacy)
			c.send(`{"type":"connection_terminate"}`)
			c.expectClose(1000)
		})
	})
	t.Run("ErrInitTimeout", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) { s.connect(legacy).expectClose(4408) })
	})
	for rule, message := range map[string]string{
		"BadJSON":           `{"type":`,
		"NotAnObject":       `[]`,
		"UnknownType":       `{"type":"hello"}`,
		"ModernMessage":     `{"type":"ping"}`,
		"StartWithoutID":    `{"type":"start","payload":{"query":"{ hello }"}}`,
		"StartWithNumberID": `{"id":1,"type":"start","payload":{"query":"{ hello }"}}`,
		"StartWithoutQuery": `{"id":"1","type":"start","payload":{}}`,
		"PayloadIsAList":    `{"id":"1","type":"start","payload":[]}`,
	} {
		t.Run("InvalidIsAnsweredAndIgnored/"+rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
				c := ready(s)
				c.send(message)
				if got := c.read(); !strings.Contains(got, `"type":"connection_error","payload":{"message":"Invalid message: `) {
					t.Errorf("answer = %s", got)
				}
				c.send(`{"id":"1","type":"start","payload":{"query":"{ hello }"}}`)
				c.expect(`{"id":"1","type":"data","payload":{"data":{"hello":"world"}}}`)
			})
		})
	}
	for _, tt := range []struct {
		rule   string
		frames [][]byte
		code   int
	}{
		{"SecondInit", [][]byte{raw(final|text, `{"type":"connection_init"}`)}, 4429},
		{"SameID", [][]byte{
			raw(final|text, `{"id":"1","type":"start","payload":{"query":"subscription { feed }"}}`),
			raw(final|text, `{"id":"1","type":"start","payload":{"query":"subscription { feed }"}}`),
		}, 4409},
		{"BinaryFrame", [][]byte{raw(final|binaryData, `{"type":"stop"}`)}, 4400},
		{"TooLarge", [][]byte{raw(final|text, strings.Repeat(" ", 151))}, 1009},
		{"InvalidUTF8", [][]byte{raw(final|text, "\xff")}, 1007},
	} {
		t.Run("Closes/"+tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{MaxMessageBytes: 150}, func(_ *testing.T, s *server) {
				c := ready(s)
				c.write(tt.frames...)
				c.expectClose(tt.code)
			})
		})
	}
	t.Run("StartBeforeInit", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.connect(legacy)
			c.send(`{"id":"1","type":"start","payload":{"query":"{ hello }"}}`)
			c.expectClose(4401)
		})
	})
}
