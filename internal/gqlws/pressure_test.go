package gqlws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// TestBackpressure runs over in-memory connections, where a frame is written exactly when the client reads it.
func TestBackpressure(t *testing.T) {
	t.Parallel()
	t.Run("NothingIsPulledWhileAFrameIsQueued", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `subscription { feed }`))
			s.Items <- streamtest.Item{Value: "1"}
			synctest.Wait()
			if n := len(s.Pulled); n != 1 {
				t.Fatalf("pulled %d times while the first frame is not written, want 1", n)
			}
			c.expect(`{"id":"a","type":"next","payload":{"data":{"feed":"1"}}}`)
			synctest.Wait()
			if n := len(s.Pulled); n != 2 {
				t.Errorf("pulled %d times after it is written, want 2", n)
			}
		})
	})
	t.Run("ItemsInMemoryAreOneWrite", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `subscription { count(to: 3) }`))
			together := make([]byte, 1024)
			n, err := c.NetConn().Read(together) // all of the first write, and nothing of the next
			if err != nil {
				t.Fatal(err)
			}
			var want []byte
			for i := range 3 {
				m := fmt.Sprintf(`{"id":"a","type":"next","payload":{"data":{"count":%d}}}`, i+1)
				want = append(append(want, 0x81, byte(len(m))), m...)
			}
			if !bytes.Equal(together[:n], want) {
				t.Errorf("wrote %q, want %q", together[:n], want)
			}
			c.expect(`{"id":"a","type":"complete"}`)
		})
	})
	t.Run("SlowConsumerGetsTheQueueThen4008", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `subscription { feed }`))
			s.Items <- streamtest.Item{Value: "1"}
			go func() { s.Items <- streamtest.Item{Err: &stream.SlowConsumerError{Cursor: "1"}} }()
			time.Sleep(4 * time.Second) // of the bubble's clock; shorter than the write deadline
			c.expect(`{"id":"a","type":"next","payload":{"data":{"feed":"1"}}}`)
			if reason := c.expectClose(4008); !strings.Contains(reason, "resume with after=1 (id a)") {
				t.Errorf("reason %q does not say where to resume", reason)
			}
		})
	})
	t.Run("WriteDeadlineCutsTheSocket", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c, start := s.ready(), time.Now()
			c.send(subscribe("a", `subscription { feed }`))
			s.Items <- streamtest.Item{Value: "1"}
			synctest.Wait()
			c.send(subscribe("b", `subscription { count(to: 2) }`)) // its frame is queued behind a's
			synctest.Wait()
			s.Wait() // the subscriptions' contexts end with the socket
			if d := time.Since(start); d != 5*time.Second {
				t.Errorf("cut after %v, want 5s", d)
			}
			time.Sleep(4*time.Second + 1) // of the bubble's clock: StallGrace
			synctest.Wait()
			if n := s.Sockets(); n != 0 {
				t.Errorf("%d sockets are left", n)
			}
		})
	})
	t.Run("DrainDoesNotWaitForAStalledClient", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			s.ready().send(subscribe("a", `subscription { feed }`))
			s.Items <- streamtest.Item{Value: "1"}
			s.Wait()
			start := time.Now()
			if err := s.Drain(t.Context()); err != nil || time.Since(start) > 2*time.Second {
				t.Errorf("Drain took %v: %v", time.Since(start), err)
			}
		})
	})
	for name, size := range map[string]int{"Small": 10, "Medium": 1000, "Large": 100_000} {
		t.Run("StalledClientThatReadsAgainGets4008/"+name, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
				c := s.ready()
				c.send(subscribe("a", `subscription { feed }`))
				value := strings.Repeat("x", size)
				s.Items <- streamtest.Item{Value: value}
				synctest.Wait()
				// The client reads part of the frame before it stalls.
				head := make([]byte, 3)
				if _, err := io.ReadFull(c.NetConn(), head); err != nil {
					t.Fatal(err)
				}
				s.Wait()
				time.Sleep(3 * time.Second) // of the bubble's clock; less than StallGrace
				rest, err := io.ReadAll(c.NetConn())
				if err != nil {
					t.Fatal(err)
				}
				want := websocket.FormatCloseMessage(4008, "slow consumer: reconnect and resume with after=1 (id a)")
				message := `{"id":"a","type":"next","payload":{"data":{"feed":"` + value + `"}}}`
				got := append(head, rest...)
				header := map[string]int{"Small": 2, "Medium": 4, "Large": 10}[name]
				if len(got) != header+len(message)+2+len(want) || !bytes.HasSuffix(got, append([]byte(message), append([]byte{0x88, byte(len(want))}, want...)...)) {
					t.Errorf("got %d bytes, the frame and the close frame do not end them", len(got))
				}
			})
		})
	}
	t.Run("ASiblingIsServedInTurn", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `subscription { feed }`))
			s.Items <- streamtest.Item{Value: "1"}
			synctest.Wait() // a is writing
			c.send(subscribe("b", `subscription { count(to: 2) }`))
			synctest.Wait()
			go func() { s.Items <- streamtest.Item{Value: "2"} }()
			c.expect(`{"id":"a","type":"next","payload":{"data":{"feed":"1"}}}`)
			c.expect(`{"id":"b","type":"next","payload":{"data":{"count":1}}}`)
			seen := map[string]bool{c.read(): true, c.read(): true, c.read(): true}
			if len(seen) != 3 {
				t.Errorf("got %v", seen)
			}
		})
	})
	t.Run("UnreadRepliesFillTheQueue", func(t *testing.T) {
		inBubble(t, gqlws.Config{SendQueue: 4}, func(_ *testing.T, s *server) {
			c := s.ready()
			for range 6 { // one is being written, four are queued, one is too many
				c.send(`{"type":"ping"}`)
				synctest.Wait()
			}
			for range 5 {
				c.expect(`{"type":"pong"}`)
			}
			c.expectClose(4008)
		})
	})
	t.Run("AlternatingSubscribeAndCompleteDoNotPileUp", func(t *testing.T) {
		inBubble(t, gqlws.Config{MaxSubscriptions: 2}, func(t *testing.T, s *server) {
			c := s.ready()
			// The first frame blocks the writer. The frames of the others are queued, and cancelled.
			c.send(subscribe("hold", `subscription { feed }`))
			s.Items <- streamtest.Item{Value: "1"}
			synctest.Wait()
			for range 50 {
				c.send(subscribe("a", `subscription { count(to: 9) }`))
				c.send(`{"id":"a","type":"complete"}`)
			}
			synctest.Wait()
			c.expect(`{"id":"hold","type":"next","payload":{"data":{"feed":"1"}}}`)
			c.send(`{"type":"ping"}`)
			for {
				if m := c.read(); m == `{"type":"pong"}` {
					break
				} else if !strings.Contains(m, "TOO_MANY_SUBSCRIPTIONS") {
					t.Fatalf("got %s of an operation that was completed", m)
				}
			}
		})
	})
}

func TestCloseHandshake(t *testing.T) {
	t.Parallel()
	t.Run("ClientsCloseIsEchoed", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `subscription { feed }`))
			data := websocket.FormatCloseMessage(1000, "done")
			if err := c.WriteControl(websocket.CloseMessage, data, time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			c.expectClose(1000)
			s.Wait()
			synctest.Wait()
			if n := s.Sockets(); n != 0 {
				t.Errorf("%d sockets are left", n)
			}
		})
	})
	t.Run("PeerThatDoesNotAnswerIsCutAfterASecond", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.SetCloseHandler(func(int, string) error { return nil })
			c.send(`{`)
			c.expectClose(4400)
			time.Sleep(1001 * time.Millisecond) // of the bubble's clock
			synctest.Wait()
			if n := s.Sockets(); n != 0 {
				t.Errorf("%d sockets are left", n)
			}
		})
	})
	t.Run("ProtocolError", func(t *testing.T) {
		t.Parallel()
		c := overTCP(t, gqlws.Config{}).ready()
		if _, err := c.NetConn().Write([]byte{0xff, 0x80, 0, 0, 0, 0}); err != nil { // reserved bits, bad opcode
			t.Fatal(err)
		}
		c.expectClose(websocket.CloseProtocolError)
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	t.Run("ClosesWith1012AfterTheQueue", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `subscription { feed }`))
			s.Items <- streamtest.Item{Value: "1"}
			drained := make(chan error, 1)
			go func() { drained <- s.Drain(t.Context()) }()
			synctest.Wait()
			time.Sleep(2 * time.Second) // of the bubble's clock: all of DrainJitter
			c.expect(`{"id":"a","type":"next","payload":{"data":{"feed":"1"}}}`)
			c.expectClose(1012)
			if err := <-drained; err != nil {
				t.Errorf("Drain: %v", err)
			}
		})
	})
	t.Run("WaitsForOperations", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `{ stubborn }`))
			drained := make(chan error, 1)
			go func() { drained <- s.Drain(t.Context()) }()
			c.expectError("a", "UNAVAILABLE")
			c.expectClose(1012)
			synctest.Wait()
			select {
			case err := <-drained:
				t.Fatalf("Drain returned %v while an operation runs", err)
			default:
			}
			s.Items <- streamtest.Item{Value: "let go"}
			if err := <-drained; err != nil {
				t.Errorf("Drain: %v", err)
			}
		})
	})
	t.Run("SpreadsTheCloses", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			closes := make(chan time.Time, 50)
			for range cap(closes) {
				c := s.ready()
				go func() {
					_, _, _ = c.ReadMessage()
					closes <- time.Now()
				}()
			}
			start := time.Now()
			if err := s.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			distinct := map[time.Time]bool{}
			for range cap(closes) {
				at := <-closes
				distinct[at] = true
				if d := at.Sub(start); d > 2*time.Second {
					t.Errorf("closed after %v, want at most 2s", d)
				}
			}
			if len(distinct) < cap(closes)/2 {
				t.Errorf("%d sockets closed at %d moments", cap(closes), len(distinct))
			}
		})
	})
	t.Run("RefusesNewSockets", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			if err := s.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, response, err := s.tryConnect(nil, modern)
			if err == nil || response == nil || response.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("socket while draining: %v, %v; want 503", response, err)
			}
			_ = response.Body.Close()
		})
	})
	t.Run("ErrDeadlineCutsTheRest", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			s.ready()                                                      // never reads again
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // of the bubble's clock
			defer cancel()
			if err := s.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Drain: %v, want its deadline", err)
			}
			synctest.Wait()
			if n := s.Sockets(); n != 0 {
				t.Errorf("%d sockets are left", n)
			}
		})
	})
}

// TestAbortedSocketsLeaveNothing is not parallel, because it counts the process's goroutines and descriptors.
func TestAbortedSocketsLeaveNothing(t *testing.T) {
	s := overTCP(t, gqlws.Config{})
	first := s.ready() // what the server creates once exists before the count
	before := descriptors(t)
	for i := range 500 {
		c := s.ready()
		c.send(subscribe("a", `subscription { feed }`))
		c.send(subscribe("b", `{ block }`))
		if i%2 == 0 { // a reset instead of an orderly end
			c.send(`{"type":"ping"}`)
		}
		_ = c.NetConn().Close()
	}
	_ = first.Close()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	if err := s.Drain(ctx); err != nil {
		t.Fatalf("Drain: %v", err)
	}
	s.Wait()
	if after := descriptors(t); after >= before {
		t.Errorf("%d descriptors before, %d after one less is needed", before, after)
	}
	// A goroutine that has signalled its end still has to return.
	for left := goroutines("gqlws.(*conn)"); left != ""; left = goroutines("gqlws.(*conn)") {
		if ctx.Err() != nil {
			t.Fatalf("a goroutine is left:\n%s", left)
		}
		runtime.Gosched()
	}
}

// goroutines returns the stack of a goroutine whose stack contains name, or "".
func goroutines(name string) string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, name) {
			return stack
		}
	}
	return ""
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc")
	}
	return len(entries)
}
