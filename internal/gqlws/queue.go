package gqlws

import (
	"time"

	"github.com/gorilla/websocket"
)

// enqueue sends a frame of the socket itself, such as a pong, without blocking. It reports false when the socket is closing
// or its queue is full.
func (c *conn) enqueue(f frame) bool {
	c.mu.Lock()
	if c.closing || len(c.queue) >= c.t.cfg.SendQueue || c.queued >= c.t.cfg.SendQueueBytes || c.queued > 0 && c.unread.Full() {
		c.mu.Unlock()
		return false
	}
	start := c.claim(f)
	c.mu.Unlock()
	if start {
		go c.flush(f, nil)
	}
	return true
}

// claim makes the caller the writer, who must flush f, or queues f when another goroutine is writing. The socket's lock is
// held.
func (c *conn) claim(f frame) (mine bool) {
	if c.writing {
		if f.countedBytes == 0 {
			f.countedBytes = c.unread.Add(len(f.data))
		}
		c.queue = append(c.queue, f)
		c.queued += len(f.data)
		return false
	}
	c.writing = true // the queue is empty then
	return true
}

// reply sends a message of the socket itself. A client that lets its replies fill the queue is a slow consumer.
func (c *conn) reply(kind string, payload any) {
	c.replyTo("", kind, payload)
}

// replyTo is reply with an operation's id.
func (c *conn) replyTo(id, kind string, payload any) {
	data, err := appendMessage(nil, id, kind, payload)
	if err != nil { // our own payloads always marshal
		c.t.cfg.Logger.ErrorContext(c.ctx, "encoding a websocket message failed", "type", kind, "error", err)
		c.close(CloseInternal, internalReason)
		return
	}
	if !c.enqueue(frame{data: rawFrame(websocket.TextMessage, data)}) {
		c.close(CloseSlowConsumer, slowReason)
	}
}

// sendResult is the outcome of send.
type sendResult int

const (
	frameWritten sendResult = iota // written, or dropped because the operation was cancelled
	frameQueued                    // queued behind other frames; its writer continues the operation
	frameDropped                   // nothing was sent, because the operation or the socket has ended
)

// send writes a frame of an operation, or queues it. An operation has at most one frame in the queue: while the client does
// not read, the operation's stream is not polled either (backpressure), and the hub's bounded queue decides when the client
// is too slow. For an operation without a stream, send waits until its frame is written.
func (c *conn) send(f frame) sendResult {
	op := f.op
	c.mu.Lock()
	if c.closing || op.cancelled {
		c.mu.Unlock()
		return frameDropped
	}
	var within bool
	if f.countedBytes, within = c.unread.ReserveAnswer(len(f.data)); !within || c.queued >= c.t.cfg.SendQueueBytes || c.queued > 0 && c.unread.Full() {
		c.mu.Unlock()
		c.unread.Release(f.countedBytes)
		c.close(CloseSlowConsumer, slowReason)
		return frameDropped
	}
	op.answered = f.final
	start := c.claim(f)
	if start && f.final {
		c.remove(op)
	}
	c.mu.Unlock()
	if start {
		// The caller writes itself: no other goroutine has to wake up.
		c.flush(f, op)
		if c.ctx.Err() != nil {
			return frameDropped
		}
		return frameWritten
	}
	if op.stream != nil {
		return frameQueued
	}
	select {
	case <-op.written:
		return frameWritten
	case <-op.ctx.Done():
		return frameDropped
	}
}

// sendFinal sends an operation's final message without waiting. It frees the id before it writes the message, so that the
// client can use the id again as soon as it has read it. Until then a query or mutation keeps its id: if the socket closes
// first, it must tell the client which operations are unanswered.
func (c *conn) sendFinal(op *operation, message []byte) {
	c.mu.Lock()
	if c.closing || op.cancelled {
		c.mu.Unlock()
		return
	}
	op.answered = true
	f := frame{data: rawFrame(websocket.TextMessage, message), op: op, final: true}
	start := c.claim(f)
	if start || !op.begun {
		c.remove(op)
	}
	c.mu.Unlock()
	if start {
		c.flush(f, op)
	}
}

// flush writes f and then the queue. The caller has claimed f, so there is at most one flush at a time. It returns
// when the queue is empty. If f belongs to the operation own, it returns after f and leaves the queue to a new goroutine, so
// that a subscription never writes for its siblings. own is nil for a caller without an operation.
func (c *conn) flush(f frame, own *operation) {
	for {
		if n, err := c.write(f); err != nil {
			// c.writing stays set, so nobody writes after this.
			if unanswered, stalled := c.shutIfStalled(err); stalled {
				go c.offerClose(f, n, unanswered)
			} else {
				c.unread.Release(f.countedBytes)
				c.abort()
			}
			if f.op != own {
				c.finishQueued([]frame{f})
			}
			return
		}
		c.unread.Release(f.countedBytes)
		f.recycle()
		if f.op != nil && f.op != own {
			c.wrote(f)
		}
		var more bool
		if f, more = c.dequeue(); !more {
			return
		}
		if own != nil {
			go c.flush(f, nil)
			return
		}
	}
}

// wrote continues the operation whose frame another goroutine has written.
func (c *conn) wrote(f frame) {
	switch {
	case f.op.written != nil:
		f.op.tellWritten()
	case !f.final:
		go c.pump(f.op)
	}
}

// tellWritten wakes the goroutine that waits in send for the operation's frame, which was written or dropped.
func (op *operation) tellWritten() {
	select {
	case op.written <- struct{}{}:
	default: // nobody waits for a final message
	}
}

// dequeue returns the next frame to write. When there is none, the caller stops being the writer.
func (c *conn) dequeue() (frame, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) > 0 {
		f := c.queue[0]
		c.queue[0] = frame{}
		c.queue = c.queue[1:]
		c.queued -= len(f.data)
		if f.op == nil {
			return f, true
		}
		if !f.op.cancelled {
			if f.final {
				c.remove(f.op)
			}
			return f, true
		}
		// The client has completed this operation and may have given its id to another one.
		c.unread.Release(f.countedBytes)
		c.wrote(f)
	}
	c.queue, c.queued = nil, 0 // an idle socket keeps no memory
	c.writing = false
	return frame{}, false
}

// write writes one frame within WriteTimeout and returns how many bytes were written.
func (c *conn) write(f frame) (int, error) {
	if !f.closes {
		return c.wire.send(f.data, c.t.cfg.WriteTimeout)
	}
	err := c.ws.WriteControl(websocket.CloseMessage, f.data, c.writeDeadline())
	if err == nil {
		err = c.ws.SetReadDeadline(time.Now().Add(c.t.cfg.CloseTimeout))
	}
	return 0, err
}
