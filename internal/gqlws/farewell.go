package gqlws

import (
	"time"

	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/stream"
)

// Stock clients reconnect after most of our close codes and send every operation again that was neither completed nor
// refused: subscriptions, which resume, but queries and mutations too. So a socket that closes says of each of those that has
// begun what became of it: while its session ends or the server drains it waits for the answers (retire, drain), and what is
// unanswered when it closes gets an error, which is the end of that operation for the client.

// farewell is how a socket closes as soon as it may.
type farewell struct {
	code   int
	reason string
}

// retire closes the socket, once the queries and mutations that run are answered or AnswerTimeout has passed. Nothing else
// is begun or sent meanwhile.
func (c *conn) retire(code int, reason string) {
	c.mu.Lock()
	if c.closing || c.farewell != nil {
		c.mu.Unlock()
		return
	}
	c.farewell = &farewell{code, reason}
	now := !c.answering()
	c.mu.Unlock()
	if now {
		c.close(code, reason)
		return
	}
	time.AfterFunc(c.t.cfg.AnswerTimeout, func() { c.close(code, reason) })
}

// over is how the socket closes now that an operation has ended; nil when it goes on. The lock is held.
func (c *conn) over() *farewell {
	switch {
	case c.farewell != nil && !c.answering():
		return c.farewell
	case c.draining && c.running == 0:
		return &farewell{CloseDraining, drainReason}
	default:
		return nil
	}
}

// answering reports whether a query or a mutation has begun whose answer is not being written yet. The lock is held.
func (c *conn) answering() bool {
	for _, op := range c.operations {
		if op.begun && !op.cancelled {
			return true
		}
	}
	return false
}

// unanswered is an error message for each query and mutation that has begun and has no answer, or one that is queued while
// the queue is dropped. The lock is held.
func (c *conn) unanswered(dropsQueue bool) []byte {
	var frames []byte
	for _, op := range c.operations { // which has those whose answers are not being written
		if !op.begun || op.cancelled || op.answered && !dropsQueue {
			continue
		}
		op.answered = true
		message, err := c.failure(op, gqlerror.List{present(stream.ErrUnanswered)})
		if err != nil { // an id and a text of ours always marshal
			continue
		}
		frames = append(frames, rawFrame(websocket.TextMessage, message)...)
	}
	return frames
}
