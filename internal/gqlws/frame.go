package gqlws

import (
	"encoding/binary"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/stream"
)

// frame is one websocket frame that waits to be written, or several of one operation that go out together.
type frame struct {
	// data is as it goes out, headers included; of a close frame, which is left to gorilla, its payload alone.
	data []byte
	// buffer is where data was made, if it is to be used again.
	buffer *[]byte
	closes bool
	op     *operation // whose it is; nil: the socket's own
	// cursor is that of the last item in data; empty when there is none.
	cursor string
	// final: it ends its operation.
	final bool
	// held are the bytes that its client's account has of it until it is written.
	held int
}

// buffers are for what is written at once, in all sockets: a socket at rest has none.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

// add appends an item to its operation's frame. Of a response that was not executed at all it returns the errors, which
// are sent instead of next, with no complete behind them.
func (f *frame) add(kind string, item stream.Item) error {
	if len(item.Response.Data) == 0 && len(item.Response.Errors) > 0 {
		return item.Response.Errors
	}
	if f.buffer == nil {
		f.buffer, _ = buffers.Get().(*[]byte)
		f.data = *f.buffer
	}
	data, err := appendResult(f.data, f.op.id, kind, item.Response)
	if err == nil {
		f.data, f.cursor = data, item.Cursor
	}
	return err
}

// addEnd appends the message that completes the operation.
func (f *frame) addEnd(kind string) {
	start := len(f.data)
	out := appendHead(append(f.data, room[:]...), f.op.id, kind)
	f.data = seal(append(out, '}'), start, websocket.TextMessage)
}

// recycle gives back the frame's buffer. Those of large answers are left to the garbage collector.
func (f *frame) recycle() {
	if f.buffer == nil || cap(f.data) > 64<<10 {
		return
	}
	*f.buffer = f.data[:0]
	buffers.Put(f.buffer)
	f.data, f.buffer = nil, nil
}

// room is left in front of a message for the longest header there is.
var room [10]byte

// seal makes what was appended to out behind room, at start, a whole, final frame as a server sends it: unmasked
// (RFC 6455 section 5.2).
func seal(out []byte, start, kind int) []byte {
	message := out[start+len(room):]
	header := append(out[start:start], 0x80|byte(kind)) // in its room
	switch n := len(message); {
	case n < 126:
		header = append(header, byte(n))
	case n < 1<<16:
		header = binary.BigEndian.AppendUint16(append(header, 126), uint16(n))
	default:
		header = binary.BigEndian.AppendUint64(append(header, 127), uint64(n))
	}
	end := start + len(header)
	return out[:end+copy(out[end:], message)]
}

// rawFrame is a frame of its own.
func rawFrame(kind int, message []byte) []byte {
	out := make([]byte, 0, len(room)+len(message))
	return seal(append(append(out, room[:]...), message...), 0, kind)
}
