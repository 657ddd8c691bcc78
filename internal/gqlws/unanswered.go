package gqlws

import (
	"time"

	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/stream"
)

// The problem: stock clients reconnect after most of our close codes and send again every operation that was neither
// completed nor refused. Subscriptions resume so, but queries and mutations would be executed twice. So a socket tells its
// client about each query and mutation that has begun before it closes. When its session ends or the server drains, it waits
// for their answers first (closeGracefully, drain). Each one that is unanswered when it closes gets an error message, which
// ends the operation for the client.

// closeReply is the code and the reason of a close frame.
type closeReply struct {
	code   int
	reason string
}

// closeGracefully closes the socket once the running queries and mutations are answered or AnswerTimeout has passed.
// Meanwhile no operation starts, and nothing else is sent.
func (c *conn) closeGracefully(code int, reason string) {
	c.mu.Lock()
	if c.closing || c.pendingClose != nil {
		c.mu.Unlock()
		return
	}
	c.pendingClose = &closeReply{code, reason}
	now := !c.awaitsAnswer()
	c.mu.Unlock()
	if now {
		c.close(code, reason)
		return
	}
	time.AfterFunc(c.t.cfg.AnswerTimeout, func() { c.close(code, reason) })
}

// dueClose returns the close that is due now that an operation has ended; nil when none is due. The socket's lock is held.
func (c *conn) dueClose() *closeReply {
	switch {
	case c.pendingClose != nil && !c.awaitsAnswer():
		return c.pendingClose
	case c.draining && c.running == 0:
		return &closeReply{CloseDraining, drainReason}
	default:
		return nil
	}
}

// awaitsAnswer reports whether the answer of a begun query or mutation is not yet being written. The socket's lock is held.
func (c *conn) awaitsAnswer() bool {
	for _, op := range c.operations {
		if op.begun && !op.cancelled {
			return true
		}
	}
	return false
}

// unanswered returns an error message for each begun query and mutation without an answer. If dropsQueue is set, an answer
// that is only queued counts as missing. The socket's lock is held.
func (c *conn) unanswered(dropsQueue bool) []byte {
	var frames []byte
	for _, op := range c.operations { // an answer that is being written has left the list
		if !op.begun || op.cancelled || op.answered && !dropsQueue {
			continue
		}
		op.answered = true
		message, err := c.failure(op, gqlerror.List{present(stream.ErrUnanswered)})
		if err != nil { // an id and a fixed text always marshal
			continue
		}
		frames = append(frames, rawFrame(websocket.TextMessage, message)...)
	}
	return frames
}
