package gqlws_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// TestIdleSockets is not parallel: it looks at the process's goroutines. A socket that has nothing to do has no goroutine,
// whatever it has sent or answered before, and where there is no poller the one that waits for its client; a subscription
// has none.
func TestIdleSockets(t *testing.T) {
	s := overTCP(t, gqlws.Config{})
	const sockets, subscriptions = 5, 10
	clients := make([]*client, sockets)
	for i := range clients {
		clients[i] = s.ready()
		for n := range subscriptions {
			clients[i].send(subscribe(string(rune('a'+n)), `subscription { feed }`))
			<-s.Pulled
		}
	}
	rests := func(after string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
		defer cancel()
		for {
			all := allGoroutines()
			waiting, others := strings.Count(all, "gqlws.(*conn).await("), goroutines("gqlws.(*conn).read(")+goroutines("gqlws.(*conn).advance(")
			if runtime.GOOS == "linux" {
				others += goroutines("gqlws.(*conn).await(")
				waiting = s.Resting()
			}
			if waiting == sockets && others == "" {
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("after %s: %d of %d sockets wait, and there is\n%s", after, waiting, sockets, others)
			}
			runtime.Gosched()
		}
	}
	rests("subscribing")
	for range sockets * subscriptions {
		s.Items <- streamtest.Item{Value: "x"}
	}
	for _, c := range clients { // who got how many is chance
		c.send(`{"type":"ping"}`)
	}
	rests("an item")
	for _, c := range clients {
		if err := c.WriteControl(websocket.PongMessage, []byte("as an answer to a ping"), time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	rests("a pong")
	// Two pongs and a message at once, the second pong in the same packet as the message.
	pong := raw(final|byte(websocket.PongMessage), "")
	clients[0].write(pong, pong, raw(final|text, subscribe("z", `{ hello }`)), pong)
	for m := ""; !strings.Contains(m, `"id":"z"`); m = clients[0].read() {
		if m != "" && !strings.Contains(m, "feed") && !strings.Contains(m, "pong") {
			t.Fatalf("got %s", m)
		}
	}
	rests("a message between pongs")
}

func allGoroutines() string {
	stacks := make([]byte, 4<<20)
	return string(stacks[:runtime.Stack(stacks, true)])
}
