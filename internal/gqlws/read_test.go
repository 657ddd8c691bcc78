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

// TestIdleSockets is not parallel, because it looks at the process's goroutines. An idle socket has no goroutine, whatever
// it has sent or answered before; without a poller it has the one that waits. An idle subscription never has one.
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
	expectIdle := func(after string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
		defer cancel()
		for {
			all := allGoroutines()
			waiting, others := strings.Count(all, "gqlws.(*conn).await("), goroutines("gqlws.(*conn).read(")+goroutines("gqlws.(*conn).pump(")
			if runtime.GOOS == "linux" {
				others += goroutines("gqlws.(*conn).await(")
				waiting = s.Parked()
			}
			if waiting == sockets && others == "" {
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("after %s: %d of %d sockets are idle, and there are the goroutines\n%s", after, waiting, sockets, others)
			}
			runtime.Gosched()
		}
	}
	expectIdle("subscribing")
	for range sockets * subscriptions {
		s.Items <- streamtest.Item{Value: "x"}
	}
	for _, c := range clients { // it is random which client got how many items
		c.send(`{"type":"ping"}`)
	}
	expectIdle("an item")
	for _, c := range clients {
		if err := c.WriteControl(websocket.PongMessage, []byte("as an answer to a ping"), time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	expectIdle("a pong")
	// Two pongs and a message arrive at once, the second pong in the same packet as the message.
	pong := raw(final|byte(websocket.PongMessage), "")
	clients[0].write(pong, pong, raw(final|text, subscribe("z", `{ hello }`)), pong)
	for m := ""; !strings.Contains(m, `"id":"z"`); m = clients[0].read() {
		if m != "" && !strings.Contains(m, "feed") && !strings.Contains(m, "pong") {
			t.Fatalf("got %s", m)
		}
	}
	expectIdle("a message between pongs")
}

func allGoroutines() string {
	stacks := make([]byte, 4<<20)
	return string(stacks[:runtime.Stack(stacks, true)])
}
