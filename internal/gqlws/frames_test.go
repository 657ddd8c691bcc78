package gqlws_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/gqlws"
)

// Opcodes, and the bit that marks a message's last frame (RFC 6455 section 5.2).
const (
	continuation, text, binaryData = 0x0, 0x1, 0x2
	closing, ping                  = 0x8, 0x9
	final                          = 0x80
)

// raw returns a masked frame, as a client sends it. first is its first byte: opcode and flags.
func raw(first byte, payload string) []byte {
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	default:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	}
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	frame = append(frame, key[:]...)
	for i := range len(payload) {
		frame = append(frame, payload[i]^key[i%4])
	}
	return frame
}

// write sends bytes unchanged.
func (c *client) write(frames ...[]byte) {
	c.t.Helper()
	if _, err := c.NetConn().Write(bytes.Join(frames, nil)); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// TestFrames checks the rules of RFC 6455 for a client's frames.
func TestFrames(t *testing.T) {
	t.Parallel()
	const pong = `{"type":"pong"}`
	for _, tt := range []struct {
		rule   string
		frames [][]byte
		want   string
	}{
		{"FragmentsAreOneMessage", [][]byte{raw(text, `{"type"`), raw(continuation, `:"pi`), raw(final|continuation, `ng"}`)}, pong},
		{"EmptyFragments", [][]byte{raw(text, ""), raw(continuation, ""), raw(final|continuation, `{"type":"ping"}`)}, pong},
		{"ControlFrameBetweenFragments", [][]byte{raw(text, `{"type"`), raw(final|ping, "x"), raw(final|continuation, `:"ping"}`)}, pong},
		{
			"CharacterSplitOverFragments",
			[][]byte{raw(text, "{\"type\":\"ping\",\"payload\":{\"a\":\"\xc3"), raw(final|continuation, "\xbc\"}}")},
			`{"type":"pong","payload":{"a":"ü"}}`,
		},
		{"TwoMessagesInOnePacket", [][]byte{raw(final|text, `{"type":"pong"}`), raw(final|text, `{"type":"ping"}`)}, pong},
	} {
		t.Run("OK/"+tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
				c := s.ready()
				c.write(tt.frames...)
				c.expect(tt.want)
			})
		})
	}
	t.Run("OK/ByteByByte", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.ready()
			for _, b := range raw(final|text, `{"type":"ping"}`) {
				c.write([]byte{b})
			}
			c.expect(pong)
		})
	})
	t.Run("Err/EmptyFragmentsWithoutEnd", func(t *testing.T) {
		inBubble(t, gqlws.Config{MaxMessageBytes: 100}, func(_ *testing.T, s *server) {
			c := s.ready()
			c.write(raw(text, "{"))
			go func() {
				empty := bytes.Repeat(raw(continuation, ""), 100)
				for range 1000 { // the socket closes meanwhile
					if _, err := c.NetConn().Write(empty); err != nil {
						return
					}
				}
			}()
			c.expectClose(1009)
		})
	})
	sixty := strings.Repeat("x", 60)
	for _, tt := range []struct {
		rule   string
		frames [][]byte
		code   int
	}{
		{"FragmentsAboveTheLimitInSum", [][]byte{raw(text, sixty), raw(continuation, sixty), raw(final|continuation, sixty)}, 1009},
		{"InvalidUTF8InOneFragment", [][]byte{raw(text, `{"type":"pi`), raw(final|continuation, "\xc3\x28\"}")}, 1007},
		{"CutOffUTF8", [][]byte{raw(final|text, "{\"type\":\"ping\xc3")}, 1007},
		{"ContinuationOfNothing", [][]byte{raw(final|continuation, `{"type":"ping"}`)}, 1002},
		{"MessageInsideAMessage", [][]byte{raw(text, `{"type"`), raw(final|text, `{"type":"ping"}`)}, 1002},
		{"Unmasked", [][]byte{append([]byte{final | text, 15}, `{"type":"ping"}`...)}, 1002},
		{"ReservedBit", [][]byte{raw(final|0x40|text, `{"type":"ping"}`)}, 1002},
		{"UnknownOpcode", [][]byte{raw(final|0x3, "")}, 1002},
		{"UnknownControlOpcode", [][]byte{raw(final|0xb, "")}, 1002},
		{"FragmentedControlFrame", [][]byte{raw(ping, "x")}, 1002},
		{"LongControlFrame", [][]byte{raw(final|ping, strings.Repeat("x", 126))}, 1002},
		{"CloseFrameWithReservedCode", [][]byte{raw(final|closing, "\x03\xed")}, 1002}, // 1005
		{"LengthWithTheTopBit", [][]byte{{final | text, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}}, 1009},
		{"BinaryFrame", [][]byte{raw(final|binaryData, `{"type":"ping"}`)}, 4400},
		{"FragmentedBinaryMessage", [][]byte{raw(binaryData, `{"type"`), raw(final|continuation, `:"ping"}`)}, 4400},
		{"EmptyMessage", [][]byte{raw(final|text, "")}, 4400},
	} {
		t.Run("Err/"+tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{MaxMessageBytes: 150}, func(_ *testing.T, s *server) {
				c := s.ready()
				c.write(tt.frames...)
				c.expectClose(tt.code)
			})
		})
	}
	t.Run("Err/BinaryFrameBeforeInit", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
			c := s.connect(modern)
			c.write(raw(final|binaryData, `{"type":"connection_init"}`))
			c.expectClose(4400)
		})
	})
	t.Run("NothingIsHandledAfterAClose", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.write(raw(final|text, `{`), raw(final|text, subscribe("a", `mutation { touch }`)))
			c.expectClose(4400)
			synctest.Wait()
			if n := s.Touched.Load(); n != 0 {
				t.Errorf("%d mutations ran", n)
			}
		})
	})
}

// TestHalfClosed runs over TCP, where a peer can close one direction only.
func TestHalfClosed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule   string
		frames []byte // sent before the client closes its direction
	}{
		{"BetweenMessages", nil},
		{"InsideAFrame", raw(final|text, `{"type":"ping"}`)[:9]},
		{"InsideAFragmentedMessage", raw(text, `{"type"`)},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			s := overTCP(t, gqlws.Config{})
			c := s.ready()
			c.send(subscribe("a", `subscription { feed }`))
			<-s.Pulled // it runs
			c.write(tt.frames)
			halfClose(t, c)
			// The client still reads, but it could never complete its operations. So they end, and the connection with them.
			s.Wait()
			if _, err := io.Copy(io.Discard, c.NetConn()); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Logf("the connection ended with %v", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
			defer cancel()
			if err := s.Drain(ctx); err != nil {
				t.Errorf("a socket is left: %v", err)
			}
		})
	}
	t.Run("AfterOurClose", func(t *testing.T) {
		t.Parallel()
		s := overTCP(t, gqlws.Config{CloseTimeout: time.Hour})
		c := s.ready()
		c.SetCloseHandler(func(int, string) error { return nil }) // no close frame comes back
		c.send(`{`)
		c.expectClose(4400)
		halfClose(t, c)
		if n, err := io.Copy(io.Discard, c.NetConn()); err != nil || n > 0 {
			t.Errorf("%d bytes after the close frame, %v", n, err)
		}
	})
}

func halfClose(t *testing.T, c *client) {
	t.Helper()
	tcp, ok := c.NetConn().(*net.TCPConn)
	if !ok {
		t.Fatalf("%T is not TCP", c.NetConn())
	}
	if err := tcp.CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// TestWriteDeadline has a reader stall at each kind of frame. Over in-memory connections a frame is written only when it is
// read.
func TestWriteDeadline(t *testing.T) {
	t.Parallel()
	const deadline, grace = 5 * time.Second, 4 * time.Second
	for _, tt := range []struct {
		rule string
		act  func(s *server)
		gone time.Duration // from the start to the end of the socket
	}{
		{"Ack", func(s *server) { s.connect(modern).send(`{"type":"connection_init"}`) }, deadline + grace},
		{"Pong", func(s *server) { s.ready().send(`{"type":"ping"}`) }, deadline + grace},
		{"Next", func(s *server) { s.ready().send(subscribe("a", `{ hello }`)) }, deadline + grace},
		{"Error", func(s *server) { s.ready().send(subscribe("a", `{ nothing }`)) }, deadline + grace},
		{"Complete", func(s *server) { s.ready().send(subscribe("a", `subscription { count(to: 0) }`)) }, deadline + grace},
		{"ControlPong", func(s *server) { s.ready().write(raw(final|ping, "x")) }, deadline + grace},
		{"ControlPing", func(s *server) { s.ready() }, 25*time.Second + deadline + grace},
		// A stalled client that is being closed gets no further grace.
		{"Close", func(s *server) { s.ready().send(`{`) }, deadline},
		{"LegacyKeepAlive", func(s *server) {
			c := s.connect(legacy)
			c.send(`{"type":"connection_init"}`)
			c.expect(`{"type":"connection_ack"}`)
		}, deadline + grace},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
				start := time.Now()
				tt.act(s)
				synctest.Wait()
				if n := s.Sockets(); n != 1 {
					t.Fatalf("%d sockets at the start, want 1", n)
				}
				time.Sleep(time.Until(start.Add(tt.gone - 1))) // of the bubble's clock
				synctest.Wait()
				before := s.Sockets()
				time.Sleep(2 * time.Nanosecond) // of the bubble's clock
				synctest.Wait()
				if after := s.Sockets(); before != 1 || after != 0 {
					t.Errorf("%d sockets until %v and %d then, want 1 and 0", before, tt.gone, after)
				}
			})
		})
	}
}

// TestStalledReaderDelaysNobody checks that a stalled reader delays no other socket: no time passes on the bubble's clock.
func TestStalledReaderDelaysNobody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, stalled string
	}{
		{"StalledInASubscription", `subscription { count(to: 1000000) }`},
		{"StalledInAnAnswer", `{ hello }`},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
				for range 5 {
					s.ready().send(subscribe("a", tt.stalled)) // and never reads
				}
				synctest.Wait()
				start := time.Now()
				c := s.ready()
				c.send(subscribe("a", `subscription { count(to: 1000) }`))
				for range 1000 {
					if m := c.read(); !strings.Contains(m, `"next"`) {
						t.Fatalf("got %s", m)
					}
				}
				c.expect(`{"id":"a","type":"complete"}`)
				if d := time.Since(start); d != 0 {
					t.Errorf("1000 items took %v beside stalled readers", d)
				}
			})
		})
	}
}

// TestClientCloses checks that a client's close frame is answered with the same code, if it has one.
func TestClientCloses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule  string
		frame []byte
		code  int
	}{
		{"WithCode", raw(final|closing, "\x03\xe9bye"), websocket.CloseGoingAway},
		{"WithoutCode", raw(final|closing, ""), websocket.CloseNoStatusReceived},
		{"WithOwnCode", raw(final|closing, "\x13\x88"), 5000},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, gqlws.Config{}, func(_ *testing.T, s *server) {
				c := s.ready()
				c.send(subscribe("a", `subscription { feed }`))
				c.write(tt.frame)
				if tt.code == 5000 {
					c.expectClose(websocket.CloseProtocolError) // RFC 6455 section 7.4.2: codes end at 4999
				} else {
					c.expectClose(tt.code)
				}
				s.Wait()
			})
		})
	}
}
