package gqlws

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// frame is one websocket frame that waits to be written.
type frame struct {
	kind int // websocket.TextMessage or a control frame
	data []byte
	op   *operation // whose it is; nil: the socket's own
	// cursor is that of the item the frame carries; empty when it carries none.
	cursor string
	// final: it ends its operation.
	final bool
}

// enqueue adds a frame of the socket's own and returns at once. It reports false when the socket is closing or its
// queue is full.
func (c *conn) enqueue(f frame) bool {
	c.mu.Lock()
	if c.closing || len(c.queue) >= c.t.cfg.SendQueue {
		c.mu.Unlock()
		return false
	}
	c.queue = append(c.queue, f)
	start := !c.writing
	c.writing = true
	c.mu.Unlock()
	if start {
		go c.flush(nil)
	}
	return true
}

// reply queues a message of the socket's own. A client that lets its answers fill the queue is a slow consumer.
func (c *conn) reply(kind string, payload any) {
	c.replyTo("", kind, payload)
}

// replyTo is reply with an operation's id.
func (c *conn) replyTo(id, kind string, payload any) {
	data, err := json.Marshal(struct {
		ID      string `json:"id,omitempty"`
		Type    string `json:"type"`
		Payload any    `json:"payload,omitempty"`
	}{id, kind, payload})
	if err != nil { // our own payloads always marshal
		c.t.cfg.Logger.ErrorContext(c.ctx, "websocket message", "type", kind, "error", err)
		c.close(CloseInternal, internalReason)
		return
	}
	if !c.enqueue(frame{kind: websocket.TextMessage, data: data}) {
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

// send writes an operation's frame, or queues it behind others. An operation never has more than one in the queue: while
// the client does not read, the operation's source is not asked either, and the hub's bounded queue says when that has
// gone on for too long. An operation without a stream waits until its frame is written.
func (c *conn) send(op *operation, cursor string, data []byte) delivery {
	c.mu.Lock()
	if c.closing || op.cancelled {
		c.mu.Unlock()
		return refused
	}
	c.queue = append(c.queue, frame{kind: websocket.TextMessage, data: data, op: op, cursor: cursor})
	start := !c.writing
	c.writing = true
	c.mu.Unlock()
	if start {
		// Nobody writes, so do it here: no other goroutine has to wake up.
		c.flush(op)
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

// last queues an operation's final message and frees its id in the same step, so that the client can use the id again
// as soon as it has the message. It does not wait.
func (c *conn) last(op *operation, data []byte) {
	c.mu.Lock()
	if c.closing || op.cancelled {
		c.mu.Unlock()
		return
	}
	delete(c.operations, op.id)
	c.queue = append(c.queue, frame{kind: websocket.TextMessage, data: data, op: op, final: true})
	start := !c.writing
	c.writing = true
	c.mu.Unlock()
	if start {
		c.flush(op)
	}
}

// flush writes what is queued. There is at most one at a time: whoever sets c.writing calls it. It returns when the
// queue is empty, or when it has written the frame of own (nil: none), leaving the rest to a goroutine, so that a
// subscription never ends up writing for its siblings.
func (c *conn) flush(own *operation) {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			if cap(c.queue) > 8 {
				c.queue = nil // a burst's memory does not stay with an idle socket
			}
			c.writing = false
			c.mu.Unlock()
			return
		}
		f := c.queue[0]
		c.queue = slices.Delete(c.queue, 0, 1)
		// The client has completed this operation and may have given its id to another one.
		stale := f.op != nil && f.op.cancelled
		c.mu.Unlock()

		if !stale {
			before := c.metered.written.Load()
			if err := c.writeFrame(f); err != nil {
				// c.writing stays set: nobody writes after this.
				if isTimeout(err) && c.fallAsleep() {
					go c.stalled(f, c.metered.written.Load()-before)
				} else {
					c.abort()
				}
				if f.op != own {
					c.finishQueued([]frame{f})
				}
				return
			}
		}
		switch {
		case f.op == nil:
			continue
		case f.op == own:
		case f.final:
			continue
		case f.op.stream != nil:
			go c.advance(f.op)
			continue
		default:
			f.op.written <- struct{}{} // it has room for one, and there is one frame
			continue
		}
		c.mu.Lock()
		rest := len(c.queue) > 0
		c.writing = rest
		c.mu.Unlock()
		if rest {
			go c.flush(nil)
		}
		return
	}
}

// writeFrame writes one frame within WriteTimeout.
func (c *conn) writeFrame(f frame) error {
	switch f.kind {
	case websocket.TextMessage:
		if err := c.ws.SetWriteDeadline(c.deadline()); err != nil {
			return err
		}
		return c.ws.WriteMessage(f.kind, f.data)
	case websocket.CloseMessage:
		err := c.ws.WriteControl(f.kind, f.data, c.deadline())
		if err == nil {
			err = c.ws.SetReadDeadline(time.Now().Add(c.t.cfg.CloseTimeout))
		}
		return err
	default:
		return c.ws.WriteControl(f.kind, f.data, c.deadline())
	}
}
