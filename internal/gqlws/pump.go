package gqlws

import "context"

// A goroutine for each subscription would make idle subscriptions expensive. So an idle subscription has none. Its stream
// calls Wake, which starts a goroutine (pump). pump sends the stream's items, one frame at a time, and returns when there
// are no more. It also returns when its frame is queued behind another one; the writer of that frame starts pump again (flush).
//
// Invariant: an operation has at most one pump or one queued frame (busy). So a client that does not read holds one
// goroutine, the writer, however many subscriptions it has.

// Wake implements stream.Waker.
func (op *operation) Wake() {
	c := op.conn
	c.mu.Lock()
	start := !op.busy && !op.finished
	op.woken = op.busy
	op.busy = true
	c.mu.Unlock()
	if start {
		go c.pump(op)
	}
}

// pump sends the items of the operation's stream. It is called by the goroutine that has set op.busy.
func (c *conn) pump(op *operation) {
	defer c.contain(op)
	for {
		if c.isOver(op) {
			c.finish(op)
			return
		}
		f, err := c.gather(op)
		result := frameWritten
		if len(f.data) > 0 {
			result = c.send(f)
		}
		switch {
		case result == frameDropped:
			c.finish(op)
			return
		case err != nil: // the error's message follows the frame, which may still be queued
			c.end(op, err)
			c.finish(op)
			return
		case result == frameQueued, len(f.data) == 0 && c.goIdle(op):
			return
		}
	}
}

// maxBatchBytes bounds the items of an operation that are written with one system call, which is most of the cost of sending
// an item. The last item may exceed it.
const maxBatchBytes = 16 << 10

// gather returns a frame with the items that the stream has in memory. It never waits, so no item is delayed by the next
// one.
func (c *conn) gather(op *operation) (frame, error) {
	f := frame{op: op}
	for more := true; more && len(f.data) < maxBatchBytes; {
		item, ok, err := op.stream.Next(op.ctx)
		if err == nil && ok {
			err = f.add(c.dialect.next, item)
		}
		if err != nil || !ok {
			return f, err
		}
		more = item.More
	}
	return f, nil
}

// goIdle ends the operation's work until the next Wake. It reports false when Wake was called meanwhile or the operation has
// ended.
func (c *conn) goIdle(op *operation) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if op.woken || op.cancelled || c.closing {
		op.woken = false
		return false
	}
	op.busy = false
	return true
}

// isOver reports whether nothing more may be sent for the operation.
func (c *conn) isOver(op *operation) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return op.cancelled || op.finished || c.closing || c.pendingClose != nil && !op.begun
}

// finish releases what an operation holds. Only the first call has an effect. The caller must be the only one who works on
// the operation.
func (c *conn) finish(op *operation) {
	c.mu.Lock()
	if op.finished {
		c.mu.Unlock()
		return
	}
	op.finished, op.busy = true, true
	cancel := op.cancel
	c.running--
	due := c.dueClose()
	c.startIdleDeadline()
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if op.stream != nil {
		op.stream.Close()
	}
	if due != nil {
		c.close(due.code, due.reason)
	}
	c.unread.Release(op.countedBytes)
	c.finished.Done()
}

// finishIdle finishes the idle operations of a closing socket and cancels the contexts of those that run. Those that are
// busy finish by themselves.
func (c *conn) finishIdle() {
	c.mu.Lock()
	var idle []*operation
	var running []context.CancelFunc
	for _, op := range c.operations {
		switch {
		case !op.busy:
			op.busy = true
			idle = append(idle, op)
		case op.cancel != nil:
			running = append(running, op.cancel)
		}
	}
	c.mu.Unlock()
	for _, cancel := range running {
		cancel()
	}
	for _, op := range idle {
		c.finish(op)
	}
}

// finishQueued finishes the operations whose frames were dropped from the queue.
func (c *conn) finishQueued(dropped []frame) {
	for _, f := range dropped {
		switch {
		case f.op == nil:
		case f.op.written != nil:
			f.op.tellWritten()
		case !f.final:
			c.finish(f.op)
		}
	}
}
