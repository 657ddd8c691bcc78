package gqlws

import (
	"time"

	"github.com/gorilla/websocket"
)

// enqueue adds a frame of the socket's own and returns at once. It reports false when the socket is closing or its
// queue is full.
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

// claim makes the caller write f, or queues it when somebody else writes. The lock is held.
func (c *conn) claim(f frame) (mine bool) {
	if c.writing {
		if f.held == 0 {
			f.held = c.unread.Add(len(f.data))
		}
		c.queue = append(c.queue, f)
		c.queued += len(f.data)
		return false
	}
	c.writing = true // then nothing is queued
	return true
}

// reply queues a message of the socket's own. A client that lets its answers fill the queue is a slow consumer.
func (c *conn) reply(kind string, payload any) {
	c.replyTo("", kind, payload)
}

// replyTo is reply with an operation's id.
func (c *conn) replyTo(id, kind string, payload any) {
	data, err := appendMessage(nil, id, kind, payload)
	if err != nil { // our own payloads always marshal
		c.t.cfg.Logger.ErrorContext(c.ctx, "websocket message", "type", kind, "error", err)
		c.close(CloseInternal, internalReason)
		return
	}
	if !c.enqueue(frame{data: rawFrame(websocket.TextMessage, data)}) {
		c.close(CloseSlowConsumer, slowReason)
	}
}

// delivery is what became of an operation's frame.
type delivery int

const (
	sent    delivery = iota // it is written, or was dropped because the operation is over
	queued                  // it waits behind others; who has written it goes on with the operation
	refused                 // the operation is over
)

// send writes what an operation has, or queues it behind others. An operation never has more than one frame in the
// queue: while the client does not read, the operation's source is not asked either, and the hub's bounded queue says
// when that has gone on for too long. An operation without a stream waits until its frame is written.
func (c *conn) send(f frame) delivery {
	op := f.op
	c.mu.Lock()
	if c.closing || op.cancelled {
		c.mu.Unlock()
		return refused
	}
	var within bool
	if f.held, within = c.unread.Hold(len(f.data)); !within || c.queued >= c.t.cfg.SendQueueBytes || c.queued > 0 && c.unread.Full() {
		c.mu.Unlock()
		c.unread.Release(f.held)
		c.close(CloseSlowConsumer, slowReason)
		return refused
	}
	op.answered = f.final
	start := c.claim(f)
	if start && f.final {
		c.remove(op)
	}
	c.mu.Unlock()
	if start {
		// Nobody writes, so do it here: no other goroutine has to wake up.
		c.flush(f, op)
		if c.ctx.Err() != nil {
			return refused
		}
		return sent
	}
	if op.stream != nil {
		return queued
	}
	select {
	case <-op.written:
		return sent
	case <-op.ctx.Done():
		return refused
	}
}

// last queues an operation's final message and frees its id before it is written, so that the client can use the id again
// as soon as it has the message. It does not wait. An id of a query or a mutation is freed no earlier: until then the socket
// may close, and owes its client a word about it (unanswered).
func (c *conn) last(op *operation, message []byte) {
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

// flush writes f and then what is queued. There is at most one at a time: who has claimed f calls it. It returns when the
// queue is empty, or, when f is own's (nil: nobody's), after f, leaving the rest to a goroutine, so that a subscription
// never ends up writing for its siblings.
func (c *conn) flush(f frame, own *operation) {
	for {
		if n, err := c.write(f); err != nil {
			// c.writing stays set: nobody writes after this.
			if unanswered, asleep := c.fallAsleep(err); asleep {
				go c.stalled(f, n, unanswered)
			} else {
				c.unread.Release(f.held)
				c.abort()
			}
			if f.op != own {
				c.finishQueued([]frame{f})
			}
			return
		}
		c.unread.Release(f.held)
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

// wrote goes on with the operation whose frame somebody else has written.
func (c *conn) wrote(f frame) {
	switch {
	case f.op.written != nil:
		f.op.tellWritten()
	case !f.final:
		go c.advance(f.op)
	}
}

// tellWritten lets go who waits for the operation's frame, which is written or dropped.
func (op *operation) tellWritten() {
	select {
	case op.written <- struct{}{}:
	default: // nobody waits: a last message is not waited for
	}
}

// dequeue is the next frame to write. When there is none, the writer is done.
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
		c.unread.Release(f.held)
		c.wrote(f)
	}
	c.queue, c.queued = nil, 0 // an idle socket keeps no memory
	c.writing = false
	return frame{}, false
}

// write writes one frame within WriteTimeout, and says how much of it was written.
func (c *conn) write(f frame) (int, error) {
	if !f.closes {
		return c.wire.send(f.data, c.t.cfg.WriteTimeout)
	}
	err := c.ws.WriteControl(websocket.CloseMessage, f.data, c.deadline())
	if err == nil {
		err = c.ws.SetReadDeadline(time.Now().Add(c.t.cfg.CloseTimeout))
	}
	return 0, err
}
