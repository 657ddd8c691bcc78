package gqlws_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/gqlws"
)

// sized returns a message of n bytes.
func sized(before, after string, n int) string {
	return before + strings.Repeat("x", n-len(before)-len(after)) + after
}

func TestBeforeAck(t *testing.T) {
	t.Parallel()
	const before, after = `{"type":"connection_init","payload":{"padding":"`, `"}}`
	for _, protocol := range []string{modern, legacy} {
		t.Run("OK/"+protocol, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
				c := s.connect(protocol)
				c.send(sized(before, after, 1024))
				c.expect(`{"type":"connection_ack"}`)
				if protocol == legacy {
					c.expect(`{"type":"ka"}`)
				}
				c.send(sized(`{"type":"unknown","payload":{"padding":"`, after, 60_000))
				if protocol == modern {
					c.expectClose(gqlws.CloseBadRequest)
				} else if !strings.Contains(c.read(), "connection_error") {
					t.Error("a large message is not read after connection_ack")
				}
			})
		})
		t.Run("ErrTooLarge/"+protocol, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
				c := s.connect(protocol)
				go func() { _ = c.WriteMessage(websocket.TextMessage, []byte(sized(before, after, 1025))) }() // the server may not read all of it
				c.expectClose(gqlws.CloseMessageTooBig)
			})
		})
	}
}

// TestEveryMessageCounts checks that each message and control frame is counted once.
func TestEveryMessageCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		protocol, message string
		frame             int
	}{
		"Ping":            {modern, `{"type":"ping"}`, websocket.TextMessage},
		"Pong":            {modern, `{"type":"pong"}`, websocket.TextMessage},
		"Complete":        {modern, `{"type":"complete","id":"1"}`, websocket.TextMessage},
		"ControlPing":     {modern, "", websocket.PingMessage},
		"ControlPong":     {modern, "", websocket.PongMessage},
		"LegacyStop":      {legacy, `{"type":"stop","id":"1"}`, websocket.TextMessage},
		"LegacyInvalid":   {legacy, `{"type":"nonsense"}`, websocket.TextMessage},
		"LegacyNotJSON":   {legacy, `{`, websocket.TextMessage},
		"LegacyNoPayload": {legacy, `{"type":"start","id":"1"}`, websocket.TextMessage},
	} {
		t.Run(name, func(t *testing.T) {
			const most = 20
			var counted atomic.Int64
			inBubble(t, gqlws.Config{CountMessage: func(context.Context) error {
				if counted.Add(1) > most {
					return errors.New("too many")
				}
				return nil
			}}, func(t *testing.T, s *server) {
				c := s.connect(test.protocol)
				c.send(`{"type":"connection_init"}`)
				c.expect(`{"type":"connection_ack"}`)
				go func() {
					for range 2 * most { // the socket may close meanwhile
						if c.WriteMessage(test.frame, []byte(test.message)) != nil {
							return
						}
					}
				}()
				for {
					_, _, err := c.ReadMessage()
					if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
						if closed.Code != gqlws.CloseTooManyConnections {
							t.Errorf("closed with %d", closed.Code)
						}
						break
					} else if err != nil {
						t.Fatal(err)
					}
				}
				if n := counted.Load(); n != most+1 { // connection_init was the first
					t.Errorf("%d were counted, want %d", n, most+1)
				}
			})
		})
	}
}

// TestEchoDoesNotGrow checks that an echo is no longer than the text that was sent.
func TestEchoDoesNotGrow(t *testing.T) {
	t.Parallel()
	odd := strings.Repeat("<>&\u2028", 50)
	t.Run("Ping", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			sent := `{"type":"ping","payload":{"a":"` + odd + `"}}`
			c.send(sent)
			if got := c.read(); got != strings.Replace(sent, "ping", "pong", 1) {
				t.Errorf("%d bytes came back of %d: %s", len(got), len(sent), got)
			}
		})
	})
	for name, id := range map[string]string{"ID": odd[:200], "Escaped": strings.Repeat(`\u0001\n\"\\`, 12)} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
				c := s.ready()
				c.send(`{"id":"` + id + `","type":"subscribe","payload":{"query":"{ nonsense }"}}`)
				var answer struct{ ID json.RawMessage }
				if err := json.Unmarshal([]byte(c.read()), &answer); err != nil || string(answer.ID) != `"`+id+`"` {
					t.Errorf("%s %v", answer.ID, err)
				}
			})
		})
	}
}

// TestQueueIsBoundedInBytes checks that a client that sends large pings and reads nothing is a slow consumer long before
// SendQueue pongs are queued.
func TestQueueIsBoundedInBytes(t *testing.T) {
	inBubble(t, gqlws.Config{SendQueueBytes: 100_000}, func(t *testing.T, s *server) {
		c := s.ready()
		ping := sized(`{"type":"ping","payload":{"a":"`, `"}}`, 30_000)
		go func() {
			for range 50 { // the socket closes meanwhile
				if c.WriteMessage(websocket.TextMessage, []byte(ping)) != nil {
					return
				}
			}
		}()
		time.Sleep(time.Second) // of the bubble's clock; everything that can happen has happened
		pongs := 0
		for {
			_, _, err := c.ReadMessage()
			if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
				if closed.Code != gqlws.CloseSlowConsumer {
					t.Errorf("closed with %d", closed.Code)
				}
				break
			} else if err != nil {
				t.Fatal(err)
			}
			pongs++
		}
		if pongs > 6 {
			t.Errorf("%d pongs of 30 KB were queued", pongs)
		}
	})
}

// TestLongRequestsCountTogether checks that the long requests of running operations count together for all sockets of an
// address.
func TestLongRequestsCountTogether(t *testing.T) {
	unread := addresslimit.NewUnread(100 << 10)
	account := func(*http.Request) *addresslimit.Account { return unread.Of("ada") }
	inBubble(t, gqlws.Config{Unread: account}, func(t *testing.T, s *server) {
		first, second := s.ready(), s.ready()
		long := "subscription { feed } #" + strings.Repeat("x", 60<<10)
		first.send(subscribe("a", long))
		time.Sleep(time.Second) // of the bubble's clock
		second.send(subscribe("b", long))
		if got := second.read(); !strings.Contains(got, `"type":"error"`) || !strings.Contains(got, "RATE_LIMITED") {
			t.Errorf("%.200s", got)
		}
		first.send(`{"id":"a","type":"complete"}`)
		time.Sleep(time.Second) // of the bubble's clock
		if unread.Held() != 0 {
			t.Errorf("%d bytes are held by nobody", unread.Held())
		}
		second.send(subscribe("b", long))
		time.Sleep(time.Second) // of the bubble's clock
		if unread.Held() < 60<<10 {
			t.Error("there is room again, and it was not taken")
		}
	})
}

func TestAnonymousIdle(t *testing.T) {
	t.Parallel()
	const idle = 5 * time.Minute
	who := func(anonymous bool) gqlws.Config {
		return gqlws.Config{AnonymousIdle: idle, PingInterval: time.Hour, Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
			return ctx, gqlws.Authentication{Anonymous: anonymous}, nil
		}}
	}
	t.Run("Closes", func(t *testing.T) {
		inBubble(t, who(true), func(t *testing.T, s *server) {
			c := s.ready()
			began := time.Now()
			c.expectClose(websocket.CloseNormalClosure)
			if after := time.Since(began); after != idle {
				t.Errorf("closed after %v", after)
			}
		})
	})
	t.Run("NotDuringAnOperation", func(t *testing.T) {
		inBubble(t, who(true), func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `subscription { feed }`))
			time.Sleep(3 * idle)
			c.send(`{"id":"a","type":"complete"}`)
			began := time.Now()
			c.expectClose(websocket.CloseNormalClosure)
			if after := time.Since(began); after != idle {
				t.Errorf("closed %v after its last operation", after)
			}
		})
	})
	t.Run("NotWhenSignedIn", func(t *testing.T) {
		inBubble(t, who(false), func(_ *testing.T, s *server) {
			c := s.ready()
			time.Sleep(3 * idle)
			c.send(`{"type":"ping"}`)
			c.expect(`{"type":"pong"}`)
		})
	})
}
