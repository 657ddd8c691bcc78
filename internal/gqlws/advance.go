package gqlws

import "context"

// A subscription that has nothing to send has no goroutine. Its stream wakes it (Wake), which starts one; that sends
// what there is, one frame at a time (advance), and ends. While a frame waits behind another of the socket, nobody
// waits for it either: who has written it goes on with its operation (flush). So a client that does not read holds one
// goroutine, the one that writes, however many subscriptions it has.

// Wake implements stream.Waker.
func (op *operation) Wake() {
	c := op.conn
	c.mu.Lock()
	start := !op.busy && !op.over
	op.again = op.busy
	op.busy = true
	c.mu.Unlock()
	if start {
		go c.advance(op)
	}
}

// advance sends what the operation's stream has. Whoever sets op.busy calls it.
func (c *conn) advance(op *operation) {
	defer c.contain(op)
	for {
		if c.isOver(op) {
			c.finish(op)
			return
		}
		f, err := c.gather(op)
		done := sent
		if len(f.data) > 0 {
			done = c.send(f)
		}
		switch {
		case done == refused:
			c.finish(op)
			return
		case err != nil: // its message follows the frame, which may be in the queue still
			c.end(op, err)
			c.finish(op)
			return
		case done == queued, len(f.data) == 0 && c.rest(op):
			return
		}
	}
}

// together is how many bytes of an operation's items are gathered for one system call, which is most of what delivering
// an item costs. The last item may exceed it.
const together = 16 << 10

// gather makes one frame of what the stream has now. It waits for nothing, so that no item is held up by the next.
func (c *conn) gather(op *operation) (frame, error) {
	f := frame{op: op}
	for more := true; more && len(f.data) < together; {
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

// rest lets the operation be until it is woken. It reports false when it was woken meanwhile, or is over.
func (c *conn) rest(op *operation) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if op.again || op.cancelled || c.closing {
		op.again = false
		return false
	}
	op.busy = false
	return true
}

// isOver reports whether nothing more may be sent for the operation.
func (c *conn) isOver(op *operation) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return op.cancelled || op.over || c.closing || c.farewell != nil && !op.begun
}

// finish gives back what an operation holds, once. Nobody is busy with it any more but the caller.
func (c *conn) finish(op *operation) {
	c.mu.Lock()
	if op.over {
		c.mu.Unlock()
		return
	}
	op.over, op.busy = true, true
	cancel := op.cancel
	c.running--
	over := c.over()
	c.restIdle()
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if op.stream != nil {
		op.stream.Close()
	}
	if over != nil {
		c.close(over.code, over.reason)
	}
	c.unread.Release(op.kept)
	c.finished.Done()
}

// finishIdle ends the operations that nobody is busy with; the others end by themselves, those that run by their contexts.
// The socket is closing.
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

// finishQueued ends the operations whose frames were dropped from the queue.
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
