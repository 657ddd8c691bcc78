package gqlws_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// signIn is a gqlws.Init for {"authorization":"NAME TTL"}. It refuses a name that starts with "bad", and fails for "broken".
func signIn(ctx context.Context, payload json.RawMessage) (context.Context, gqlws.Authentication, error) {
	var p struct{ Authorization string }
	if len(payload) > 0 {
		if err := json.Unmarshal(payload, &p); err != nil {
			return nil, gqlws.Authentication{}, err
		}
	}
	var name, ttl string
	if _, err := fmt.Sscan(p.Authorization, &name, &ttl); err != nil {
		return streamtest.WithUser(ctx, "anonymous"), gqlws.Authentication{}, nil
	}
	switch name {
	case "bad":
		return nil, gqlws.Authentication{}, fault.Wrap(errors.New("secret detail"), fault.Unauthenticated, "The token is malformed.")
	case "broken":
		return nil, gqlws.Authentication{}, errors.New("secret detail")
	case "unsure":
		return nil, gqlws.Authentication{}, fault.Wrap(errors.New("secret detail"), fault.Unavailable, "Try again.")
	case "crowd":
		return nil, gqlws.Authentication{}, fmt.Errorf("user limit: %w", gqlws.ErrTooManyConnections)
	}
	d, err := time.ParseDuration(ttl)
	if err != nil {
		return nil, gqlws.Authentication{}, err
	}
	return streamtest.WithUser(ctx, name), gqlws.Authentication{ExpiresAt: time.Now().Add(d)}, nil
}

func refresh(ctx, present context.Context, payload json.RawMessage) (context.Context, gqlws.Authentication, error) {
	next, session, err := signIn(ctx, payload)
	if err == nil && streamtest.User(next) != streamtest.User(present) {
		err = fault.New(fault.Forbidden, "The token is another user's.")
	}
	return next, session, err
}

var withAuth = gqlws.Config{Init: signIn, Refresh: refresh}

func initAs(token string) string {
	return `{"type":"connection_init","payload":{"authorization":"` + token + `"}}`
}

func TestInit(t *testing.T) {
	t.Parallel()
	t.Run("ErrTimeout", func(t *testing.T) {
		inBubble(t, withAuth, func(t *testing.T, s *server) {
			c, start := s.connect(modern), time.Now()
			c.expectClose(4408)
			if waited := time.Since(start); waited != 5*time.Second {
				t.Errorf("closed after %v, want 5s", waited)
			}
		})
	})
	t.Run("TimeoutEndsWithInit", func(t *testing.T) {
		inBubble(t, withAuth, func(_ *testing.T, s *server) {
			c := s.ready()
			time.Sleep(6 * time.Second) // of the bubble's clock
			c.send(`{"type":"ping"}`)
			c.expect(`{"type":"pong"}`)
		})
	})
	t.Run("OKAnonymous", func(t *testing.T) {
		inBubble(t, withAuth, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(`{"id":"1","type":"subscribe","payload":{"query":"{ user }"}}`)
			c.expect(`{"id":"1","type":"next","payload":{"data":{"user":"anonymous"}}}`)
		})
	})
	t.Run("OKSignedIn", func(t *testing.T) {
		inBubble(t, withAuth, func(_ *testing.T, s *server) {
			c := s.connect(modern)
			c.send(initAs("ada 1h"))
			c.expect(`{"type":"connection_ack"}`)
			c.send(`{"id":"1","type":"subscribe","payload":{"query":"{ user }"}}`)
			c.expect(`{"id":"1","type":"next","payload":{"data":{"user":"ada"}}}`)
		})
	})
	for _, tt := range []struct {
		rule, token string
		code        int
		reason      string
	}{
		{"ErrRejected", "bad 1h", 4403, "Forbidden: The token is malformed."},
		{"ErrBroken", "broken 1h", 4403, "Forbidden"},
		{"ErrTooManyConnections", "crowd 1h", 4029, "Too many connections"},
		{"ErrUnavailable", "unsure 1h", 1013, "Try again."},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, withAuth, func(t *testing.T, s *server) {
				c := s.connect(modern)
				c.send(initAs(tt.token))
				if reason := c.expectClose(tt.code); reason != tt.reason {
					t.Errorf("reason %q, want %q", reason, tt.reason)
				}
			})
		})
	}
	t.Run("ErrRejectedLegacy", func(t *testing.T) {
		inBubble(t, withAuth, func(_ *testing.T, s *server) {
			c := s.connect(legacy)
			c.send(initAs("bad 1h"))
			c.expect(`{"type":"connection_error","payload":{"message":"Forbidden: The token is malformed."}}`)
			c.expectClose(4403)
		})
	})
	t.Run("SubscribeRightAfterInitIsServedInOrder", func(t *testing.T) {
		inBubble(t, withAuth, func(_ *testing.T, s *server) {
			c := s.connect(modern)
			c.write(raw(final|text, initAs("ada 1h")), raw(final|text, subscribe("1", `{ user }`)))
			c.expect(`{"type":"connection_ack"}`)
			c.expect(`{"id":"1","type":"next","payload":{"data":{"user":"ada"}}}`)
		})
	})
	t.Run("NothingRunsAfterARejectedInit", func(t *testing.T) {
		inBubble(t, withAuth, func(t *testing.T, s *server) {
			c := s.connect(modern)
			c.write(raw(final|text, initAs("bad 1h")), raw(final|text, subscribe("1", `mutation { touch }`)))
			c.expectClose(4403)
			synctest.Wait()
			if n := s.Touched.Load(); n != 0 {
				t.Errorf("%d mutations ran", n)
			}
		})
	})
	t.Run("SecondInitDuringTheFirst", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			answer := make(chan struct{}) // the bubble's own
			cfg := gqlws.Config{Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
				<-answer
				return ctx, gqlws.Authentication{}, nil
			}}
			l := newPipeListener()
			c := serve(t, cfg, l, l.dial).connect(modern)
			c.write(raw(final|text, `{"type":"connection_init"}`), raw(final|text, `{"type":"connection_init"}`))
			close(answer)
			c.expect(`{"type":"connection_ack"}`)
			c.expectClose(4429)
		})
	})
	t.Run("ErrHanging", func(t *testing.T) {
		cfg := gqlws.Config{Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
			<-ctx.Done()
			return nil, gqlws.Authentication{}, ctx.Err()
		}}
		inBubble(t, cfg, func(_ *testing.T, s *server) {
			c := s.connect(modern)
			c.send(`{"type":"connection_init"}`)
			c.expectClose(1013)
		})
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{modern, legacy} {
		t.Run("ClosesOnTime/"+protocol, func(t *testing.T) {
			inBubble(t, withAuth, func(t *testing.T, s *server) {
				c, start := s.connect(protocol), time.Now()
				c.send(initAs("ada 10s"))
				c.expect(`{"type":"connection_ack"}`)
				if protocol == legacy {
					c.expect(`{"type":"ka"}`)
				}
				c.expectClose(4403)
				if lived := time.Since(start); lived != 10*time.Second {
					t.Errorf("closed after %v, want 10s", lived)
				}
			})
		})
	}
	t.Run("AlreadyExpired", func(t *testing.T) {
		inBubble(t, withAuth, func(_ *testing.T, s *server) {
			c := s.connect(modern)
			c.send(initAs("ada -1s"))
			c.expect(`{"type":"connection_ack"}`)
			c.expectClose(4403)
		})
	})
	t.Run("SignedOut", func(t *testing.T) {
		signOut := make(chan func(error), 1)
		cfg := gqlws.Config{Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
			connection, ctx := stream.ConnectionOf(ctx)
			signOut <- connection.End
			return ctx, gqlws.Authentication{}, nil
		}}
		inBubble(t, cfg, func(t *testing.T, s *server) {
			c := s.ready()
			(<-signOut)(fault.New(fault.Unauthenticated, "Signed out."))
			if reason := c.expectClose(4403); reason != "Forbidden: Signed out." {
				t.Errorf("reason %q", reason)
			}
		})
	})
	// The session's end is the reason for the close, not the error with which the stream ends at the same time.
	t.Run("SignedOutDuringInit", func(t *testing.T) {
		signOut := make(chan func(error), 1)
		cfg := gqlws.Config{Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
			connection, ctx := stream.ConnectionOf(ctx)
			signOut <- connection.End
			return ctx, gqlws.Authentication{}, nil
		}}
		inBubble(t, cfg, func(_ *testing.T, s *server) {
			for range 50 { // it is random which of the two is noticed first
				c := s.ready()
				c.send(`{"id":"1","type":"subscribe","payload":{"query":"subscription { outlived }"}}`)
				synctest.Wait()
				(<-signOut)(fault.New(fault.Unauthenticated, "Signed out."))
				c.expectClose(4403)
			}
		})
	})
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	ping := func(token string) string { return `{"type":"ping","payload":{"authorization":"` + token + `"}}` }
	signedIn := func(s *server) *client {
		c := s.connect(modern)
		c.send(initAs("ada 10s"))
		c.expect(`{"type":"connection_ack"}`)
		return c
	}
	t.Run("OK", func(t *testing.T) {
		inBubble(t, withAuth, func(t *testing.T, s *server) {
			c, start := signedIn(s), time.Now()
			c.send(ping("ada 20s"))
			c.expect(`{"type":"pong","payload":{"expiresAt":"` + start.Add(20*time.Second).UTC().Format(time.RFC3339) + `"}}`)
			c.expectClose(4403)
			if lived := time.Since(start); lived != 20*time.Second {
				t.Errorf("closed after %v, want 20s", lived)
			}
		})
	})
	t.Run("OKManyTimes", func(t *testing.T) {
		inBubble(t, withAuth, func(_ *testing.T, s *server) {
			c := signedIn(s)
			for range 100 {
				time.Sleep(4 * time.Second) // of the bubble's clock
				c.send(ping("ada 10s"))
				c.expect(`{"type":"pong","payload":{"expiresAt":"` + time.Now().Add(10*time.Second).UTC().Format(time.RFC3339) + `"}}`)
			}
		})
	})
	t.Run("ErrRefused", func(t *testing.T) {
		inBubble(t, withAuth, func(_ *testing.T, s *server) {
			c := signedIn(s)
			c.send(ping("bad 1h"))
			c.expectClose(4403)
		})
	})
	t.Run("ErrAnotherUser", func(t *testing.T) {
		inBubble(t, withAuth, func(t *testing.T, s *server) {
			c := signedIn(s)
			c.send(ping("grace 1h"))
			if reason := c.expectClose(4403); !strings.Contains(reason, "another user") {
				t.Errorf("reason %q", reason)
			}
		})
	})
	t.Run("PlainPingDoesNotRefresh", func(t *testing.T) {
		inBubble(t, withAuth, func(_ *testing.T, s *server) {
			c := signedIn(s)
			c.send(`{"type":"ping","payload":{"now":1}}`)
			c.expect(`{"type":"pong","payload":{"now":1}}`)
		})
	})
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	t.Run("PingsAtEachInterval", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c, start := s.ready(), time.Now()
			var at []time.Duration
			c.SetPingHandler(func(string) error {
				at = append(at, time.Since(start))
				err := c.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Second))
				if len(at) == 10 {
					c.send(`{"type":"ping"}`)
				}
				return err
			})
			c.expect(`{"type":"pong"}`) // after ten pings
			for i, d := range at {
				if want := time.Duration(i+1) * 25 * time.Second; d != want {
					t.Errorf("ping %d after %v, want %v", i+1, d, want)
				}
			}
		})
	})
	t.Run("DeadAfterTwoMisses", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c, start := s.ready(), time.Now()
			pings := 0
			c.SetPingHandler(func(string) error { pings++; return nil }) // reads and does not answer
			_, _, err := c.ReadMessage()
			if !websocket.IsCloseError(err, websocket.CloseAbnormalClosure) {
				t.Errorf("read: %v, want the connection cut", err)
			}
			if lived := time.Since(start); pings != 2 || lived != 75*time.Second {
				t.Errorf("cut after %d pings and %v, want 2 and 75s", pings, lived)
			}
		})
	})
	t.Run("AnswersControlPings", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			got := ""
			c.SetPongHandler(func(data string) error { got = data; return nil })
			if err := c.WriteControl(websocket.PingMessage, []byte("abc"), time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			c.send(`{"type":"ping"}`)
			c.expect(`{"type":"pong"}`)
			if got != "abc" {
				t.Errorf("pong data %q, want abc", got)
			}
		})
	})
	t.Run("LegacyKa", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c, start := s.connect(legacy), time.Now()
			c.send(`{"type":"connection_init"}`)
			c.expect(`{"type":"connection_ack"}`)
			c.expect(`{"type":"ka"}`)
			c.expect(`{"type":"ka"}`)
			if d := time.Since(start); d != 25*time.Second {
				t.Errorf("second ka after %v, want 25s", d)
			}
		})
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	t.Run("TooManySockets", func(t *testing.T) {
		inBubble(t, gqlws.Config{MaxSockets: 2}, func(t *testing.T, s *server) {
			first := s.ready()
			s.ready()
			_, response, err := s.tryConnect(nil, modern)
			if err == nil || response == nil || response.StatusCode != http.StatusTooManyRequests {
				t.Fatalf("third socket: %v, %v; want 429", response, err)
			}
			_ = response.Body.Close()
			if response.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			_ = first.Close()
			synctest.Wait()
			s.ready()
		})
	})
	t.Run("ForeignOrigin", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			_, response, err := s.tryConnect(http.Header{"Origin": {"https://evil.test"}}, modern)
			if err == nil || response == nil || response.StatusCode != http.StatusForbidden {
				t.Fatalf("foreign origin: %v, %v; want 403", response, err)
			}
			_ = response.Body.Close()
			if n := s.Sockets(); n != 0 {
				t.Errorf("%d sockets", n)
			}
		})
	})
}
