package gqlws

import (
	"encoding/binary"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/stream"
)

// frame is one websocket frame to be written, or several of one operation that are written maxBatchBytes.
type frame struct {
	// data is the encoded frame, header included. For a close frame, which gorilla writes, it is the payload only.
	data []byte
	// buffer is the pooled buffer that holds data; nil when data is not pooled.
	buffer *[]byte
	closes bool
	op     *operation // its operation; nil: the socket itself
	// cursor is the cursor of the last item in data; empty when there is none.
	cursor string
	// final: it ends its operation.
	final bool
	// countedBytes are the bytes that count against the client's account until the frame is written.
	countedBytes int
}

// buffers are shared by all sockets while they write. An idle socket has none.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

// add appends an item to an operation's frame. A response that was not executed at all is returned as its errors: they are
// sent instead of next, and no complete follows.
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
	out := appendHead(append(f.data, headerRoom[:]...), f.op.id, kind)
	f.data = seal(append(out, '}'), start, websocket.TextMessage)
}

// recycle returns the frame's buffer to the pool. Buffers of large answers are left to the garbage collector.
func (f *frame) recycle() {
	if f.buffer == nil || cap(f.data) > 64<<10 {
		return
	}
	*f.buffer = f.data[:0]
	buffers.Put(f.buffer)
	f.data, f.buffer = nil, nil
}

// headerRoom is left free before a message for the longest header.
var headerRoom [10]byte

// seal turns the message that follows headerRoom at start into a whole, final frame as a server sends it: unmasked (RFC 6455
// section 5.2).
func seal(out []byte, start, kind int) []byte {
	message := out[start+len(headerRoom):]
	header := append(out[start:start], 0x80|byte(kind)) // overwrites the room
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

// rawFrame returns a message as one frame.
func rawFrame(kind int, message []byte) []byte {
	out := make([]byte, 0, len(headerRoom)+len(message))
	return seal(append(append(out, headerRoom[:]...), message...), 0, kind)
}
