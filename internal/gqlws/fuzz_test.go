package gqlws_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// readerPanics fails the test when a panic is logged: no client may cause one.
type readerPanics struct{ t *testing.T }

func (readerPanics) Enabled(context.Context, slog.Level) bool { return true }
func (p readerPanics) WithAttrs([]slog.Attr) slog.Handler     { return p }
func (p readerPanics) WithGroup(string) slog.Handler          { return p }
func (p readerPanics) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "reader panicked") || r.Message == "encoding a websocket message failed" {
		r.Attrs(func(a slog.Attr) bool {
			p.t.Errorf("%s: %s", r.Message, a)
			return true
		})
	}
	return nil
}

// FuzzFrames sends arbitrary bytes to a real socket, unchanged or as a message for each line. Whatever they are, the replies
// are well-formed, the socket ends, and nothing of it is left (which the server's cleanup checks). Time is the bubble's.
func FuzzFrames(f *testing.F) {
	const hello, many = `{"id":"1","type":"subscribe","payload":{"query":"{ hello }"}}`, `{"id":"1","type":"subscribe","payload":{"query":"subscription { count(to: 9) }"}}`
	for _, lines := range []string{
		`{"type":"connection_init"}`, `{"type":"connection_init","payload":{"authorization":"Bearer x"}}`, `{"type":"ping","payload":{"a":1}}`, `{"type":"pong"}`, hello, many,
		many + "\n" + many, many + "\n" + `{"id":"1","type":"complete"}` + "\n" + many, hello + "\n" + hello, `{"id":"1","type":"start","payload":{"query":"{ hello }"}}`,
		`{"id":"1","type":"start","payload":{"query":"subscription { feed }"}}` + "\n" + `{"id":"1","type":"stop"}`, `{"type":"connection_terminate"}`,
		`{"id":"","type":"subscribe","payload":{}}`, `{"id":7,"type":"subscribe"}`, `{"id":"é","type":"subscribe","payload":{"query":"{"}}`, `[]`, `null`, `"ping"`, "", "{",
		`{"type":"ping","type":"pong"}`, `{"type":"ping","payload":[]}`, `{"type":"\u0070ing"}`, strings.Repeat(`{"a":`, 200), "\xff", `{"type":"` + strings.Repeat("x", 300) + `"}`,
		`{"id":"1","type":"subscribe","payload":{"query":"subscription { feed }","variables":[]}}`, `{"id":"1","type":"subscribe","payload":{"query":"subscription { crashing }"}}`,
		`{"id":"1","type":"subscribe","payload":{"query":"{ crash }"}}` + "\n" + hello, `{"id":"1","type":"subscribe","payload":{"query":"subscription { late }"}}`,
	} {
		f.Add([]byte(lines), false, false, true)
		f.Add([]byte(lines), false, true, true)
		f.Add([]byte(lines), false, false, false)
	}
	for _, frames := range [][]byte{
		raw(final|text, hello), raw(text, `{"type"`), slices.Concat(raw(text, `{"type"`), raw(final|ping, "x"), raw(final|continuation, `:"ping"}`)),
		raw(final|0xa, ""), raw(final|0xa, strings.Repeat("x", 125)), raw(final|closing, "\x03\xe8bye"), raw(final|closing, ""), raw(final|closing, "\x03"), raw(final|binaryData, hello),
		raw(final|0x40|text, "x"),
		{final | text, 15},
		{final | text, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4},
		{final | text, 0xfe, 0xff},
		{final | 0xa, 0x80},
		{},
		{0},
		slices.Concat(raw(final|0xa, "x"), raw(final|0xa, ""), raw(final|text, many), raw(final|closing, "\x03\xe9")), raw(final|ping, strings.Repeat("x", 126)),
	} {
		f.Add(frames, true, false, true)
		f.Add(frames, true, true, false)
	}
	f.Fuzz(func(t *testing.T, data []byte, bytesAsTheyAre, old, initialised bool) {
		if !bytesAsTheyAre {
			var frames []byte
			for line := range strings.SplitSeq(string(data), "\n") {
				if len(line) < 1<<16 {
					frames = append(frames, raw(final|text, line)...)
				}
			}
			data = frames
		}
		synctest.Test(t, func(t *testing.T) { attack(t, data, old, initialised) })
	})
}

// attack sends the bytes and reads the replies, a few hundred messages at most, until the socket ends.
func attack(t *testing.T, data []byte, old, initialised bool) {
	t.Helper()
	l := newPipeListener()
	over := make(chan struct{})
	t.Cleanup(func() { close(over) }) // after the server's own
	s := serve(t, gqlws.Config{MaxMessageBytes: 4096, MaxSubscriptions: 3, SendQueue: 8, Logger: slog.New(readerPanics{t})}, l, l.dial)
	go func() { // the feed never runs dry
		for {
			select {
			case s.Items <- streamtest.Item{Value: "x"}:
			case <-over:
				return
			}
		}
	}()
	protocol := modern
	if old {
		protocol = legacy
	}
	c := s.connect(protocol)
	if initialised {
		c.send(`{"type":"connection_init"}`)
		c.expect(`{"type":"connection_ack"}`)
	}
	// This client neither answers pings nor closes.
	c.SetPingHandler(func(string) error { return nil })
	c.SetCloseHandler(func(int, string) error { return nil })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = c.Close() }()
		for range 300 {
			kind, message, err := c.ReadMessage()
			var closed *websocket.CloseError
			switch {
			case errors.As(err, &closed):
				if !sensible(closed) {
					t.Errorf("closed with %v", closed)
				}
				return
			case err != nil:
				return
			case kind != websocket.TextMessage || !known(message):
				t.Errorf("got a message of kind %d: %q", kind, message)
			}
		}
	}()
	_ = c.NetConn().SetWriteDeadline(time.Now().Add(eventually.Patience))
	_, _ = c.NetConn().Write(data) // the server may close in the middle
	<-ended
}

// sensible reports whether a server may close with this code: one of ours, or the one in the client's close frame.
func sensible(closed *websocket.CloseError) bool {
	return closed.Code >= 1000 && closed.Code < 5000 && len(closed.Text) <= 123
}

// known reports whether a server sends such a message, in either dialect.
func known(message []byte) bool {
	var m struct {
		Type, ID string
		Payload  json.RawMessage
	}
	if json.Unmarshal(message, &m) != nil {
		return false
	}
	switch m.Type {
	case "next", "data", "error", "complete":
		return m.ID != "" && (m.Type == "complete") == (len(m.Payload) == 0)
	case "connection_ack", "ka", "ping", "pong", "connection_error":
		return m.ID == ""
	default:
		return false
	}
}
