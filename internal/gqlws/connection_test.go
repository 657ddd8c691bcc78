package gqlws_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// ender counts the calls of ConnectionEnded.
type ender chan struct{}

func (e ender) ConnectionEnded() { e <- struct{}{} }

// TestConnection checks the methods of a socket's stream.Connection, as a session calls them.
func TestConnection(t *testing.T) {
	t.Parallel()
	t.Run("OnEndTellsOnce", func(t *testing.T) {
		ended := make(ender, 10)
		cfg := gqlws.Config{Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
			connection, ctx := stream.ConnectionOf(ctx)
			connection.OnEnd(ended)
			return ctx, gqlws.Authentication{}, nil
		}}
		inBubble(t, cfg, func(t *testing.T, s *server) {
			c := s.ready()
			synctest.Wait()
			if len(ended) != 0 {
				t.Fatal("told while the socket is open")
			}
			_ = c.Close()
			synctest.Wait()
			if n := len(ended); n != 1 || s.Sockets() != 0 {
				t.Errorf("told %d times, want once; %d sockets are left", n, s.Sockets())
			}
		})
	})
	t.Run("OnEndTellsAtOnceAfterTheEnd", func(t *testing.T) {
		ended := make(ender, 10)
		cfg := gqlws.Config{Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
			connection, ctx := stream.ConnectionOf(ctx)
			<-ctx.Done() // until InitTimeout closes the socket
			connection.OnEnd(ended)
			return nil, gqlws.Authentication{}, errors.New("too late")
		}}
		inBubble(t, cfg, func(t *testing.T, s *server) {
			c := s.connect(modern)
			c.send(`{"type":"connection_init"}`)
			c.expectClose(1013)
			synctest.Wait()
			if n := len(ended); n != 1 {
				t.Errorf("told %d times, want once", n)
			}
		})
	})
	t.Run("EndEndsRunningOperations", func(t *testing.T) {
		end := make(chan func(error), 1)
		cfg := gqlws.Config{Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
			connection, ctx := stream.ConnectionOf(ctx)
			end <- connection.End
			return ctx, gqlws.Authentication{}, nil
		}}
		inBubble(t, cfg, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `{ block }`)) // until its context ends
			synctest.Wait()
			(<-end)(nil)
			c.expectError("a", "UNAVAILABLE") // after AnswerTimeout
			c.expectClose(4403)
			if err := s.Drain(t.Context()); err != nil {
				t.Errorf("a query outlives its socket: %v", err)
			}
		})
	})
	t.Run("KeepsOnlyTheBaseContext", func(t *testing.T) {
		type other struct{}
		var kept context.Context
		cfg := gqlws.Config{
			CheckOrigin: func(*http.Request) bool { return true },
			BaseContext: func(request context.Context) context.Context {
				if request.Value(http.ServerContextKey) == nil {
					t.Error("BaseContext does not get the upgrade's context")
				}
				return streamtest.WithUser(context.WithValue(context.Background(), other{}, true), "ada")
			},
			Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
				kept = ctx
				return ctx, gqlws.Authentication{}, nil
			},
		}
		inBubble(t, cfg, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `{ user }`))
			c.expect(`{"id":"a","type":"next","payload":{"data":{"user":"ada"}}}`)
			c.expect(`{"id":"a","type":"complete"}`)
			if kept.Value(http.ServerContextKey) != nil || kept.Value(other{}) == nil {
				t.Error("the socket's context has other values than BaseContext's")
			}
		})
	})
}
