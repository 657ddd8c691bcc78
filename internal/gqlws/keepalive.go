package gqlws

import "github.com/gorilla/websocket"

// startDeadlines starts the deadline of connection_init and the pings.
func (c *conn) startDeadlines() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	c.setDeadline(initDeadline, c.t.cfg.InitTimeout)
	c.setDeadline(pingDeadline, c.t.cfg.PingInterval)
}

// markAlive resets the counts of unanswered pings and of unfinished bytes, because a message or control frame has arrived whole. Only
// the reader may call it.
func (c *conn) markAlive() {
	c.mu.Lock()
	c.missed = 0
	c.mu.Unlock()
	c.wire.unfinished = 0
}

// ping sends a ping, or cuts a socket that has left two unanswered. It runs when the ping deadline passes.
func (c *conn) ping() {
	c.mu.Lock()
	dead := c.missed >= 2
	c.missed++
	if !dead && !c.closing {
		c.setDeadline(pingDeadline, c.t.cfg.PingInterval)
	}
	initialised := c.initialised
	c.mu.Unlock()
	if dead {
		// A dead peer would not read a close frame.
		c.abort()
		return
	}
	c.enqueue(frame{data: rawFrame(websocket.PingMessage, nil)})
	if initialised && c.dialect.legacy {
		c.reply("ka", nil)
	}
}

// startIdleDeadline starts the idle deadline of an anonymous socket without operations. The socket's lock is held.
func (c *conn) startIdleDeadline() {
	if c.anonymous && c.running == 0 && c.t.cfg.AnonymousIdle > 0 && !c.closing {
		c.setDeadline(idleDeadline, c.t.cfg.AnonymousIdle)
	}
}

// closeIdle closes an anonymous socket without operations. Code 1000 is a normal end: graphql-ws opens another socket for
// its next operation, and at once if one has started meanwhile.
func (c *conn) closeIdle() {
	c.mu.Lock()
	idle := c.running == 0
	c.mu.Unlock()
	if idle {
		c.close(websocket.CloseNormalClosure, "idle: no operation for "+c.t.cfg.AnonymousIdle.String())
	}
}

// pong answers a ping with its payload.
func (c *conn) pong(m message) {
	if m.payload == nil {
		c.reply("pong", nil)
		return
	}
	c.reply("pong", m.payload)
}
