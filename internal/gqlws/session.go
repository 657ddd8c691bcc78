package gqlws

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/fault"
)

// start starts the wait for connection_init and the pings.
func (c *conn) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	c.set(initAlarm, c.t.cfg.InitTimeout)
	c.set(pingAlarm, c.t.cfg.PingInterval)
}

// heard notes that the peer is alive, and has sent a whole message or control frame. Only the reader may call it.
func (c *conn) heard() {
	c.mu.Lock()
	c.missed = 0
	c.mu.Unlock()
	c.wire.since = 0
}

// ping is the ping alarm.
func (c *conn) ping() {
	c.mu.Lock()
	dead := c.missed >= 2
	c.missed++
	if !dead && !c.closing {
		c.set(pingAlarm, c.t.cfg.PingInterval)
	}
	initialised := c.initialised
	c.mu.Unlock()
	if dead {
		// Nobody would read a close frame.
		c.abort()
		return
	}
	c.enqueue(frame{data: rawFrame(websocket.PingMessage, nil)})
	if initialised && c.dialect.legacy {
		c.reply("ka", nil)
	}
}

// initialise is connection_init. It runs in the reader's goroutine, so a client that does not wait for the
// acknowledgement is served in order.
func (c *conn) initialise(m message) {
	c.mu.Lock()
	inTime := c.unset(initAlarm)
	c.mu.Unlock()
	if !inTime {
		return // the alarm is closing the socket, or it is closed
	}
	session, err := c.authenticate(func() (context.Context, Session, error) {
		if c.t.cfg.Init == nil {
			return c.ctx, Session{}, nil
		}
		return c.t.cfg.Init(c.ctx, m.payload)
	})
	if err != nil {
		if c.dialect.legacy {
			c.reply("connection_error", map[string]string{"message": c.refusal(err)})
		}
		c.close(refusalCode(err), c.refusal(err))
		return
	}
	c.state = ready
	c.ws.SetReadLimit(c.t.cfg.MaxMessageBytes)
	c.mu.Lock()
	c.anonymous = session.Anonymous
	c.restIdle()
	c.mu.Unlock()
	c.reply("connection_ack", nil)
	if c.dialect.legacy {
		c.reply("ka", nil)
	}
	c.expireAt(session.ExpiresAt)
}

// restIdle starts the wait for the next operation of an anonymous socket that has none. The socket's lock is held.
func (c *conn) restIdle() {
	if c.anonymous && c.running == 0 && c.t.cfg.AnonymousIdle > 0 && !c.closing {
		c.set(idleAlarm, c.t.cfg.AnonymousIdle)
	}
}

// closeIdle closes an anonymous socket without an operation. 1000 tells a client that all is well: graphql-ws opens another
// socket when it has something to ask, and at once if it has asked meanwhile.
func (c *conn) closeIdle() {
	c.mu.Lock()
	idle := c.running == 0
	c.mu.Unlock()
	if idle {
		c.close(websocket.CloseNormalClosure, "idle: no operation for "+c.t.cfg.AnonymousIdle.String())
	}
}

// count counts a message, whatever it is, for the rates of its sender. It reports false when there were too many: the socket
// then closes with 4029, which a stock client takes as a reason to wait and come back.
func (c *conn) count() bool {
	if c.t.cfg.Count == nil {
		return true
	}
	if c.isClosing() { // it was told already; what still arrives is dropped
		return false
	}
	err := c.t.cfg.Count(c.session)
	if err != nil {
		c.close(CloseTooManyConnections, "Too many messages: wait, and reconnect")
	}
	return err == nil
}

// pong answers a ping with its own payload.
func (c *conn) pong(m message) {
	if m.payload == nil {
		c.reply("pong", nil)
		return
	}
	c.reply("pong", m.payload)
}

// pongOrRefresh is ping on an acknowledged connection: with an authorization it renews the session.
func (c *conn) pongOrRefresh(m message) {
	var fields map[string]json.RawMessage
	if c.t.cfg.Refresh != nil && m.payload != nil {
		_ = json.Unmarshal(m.payload, &fields) // it was parsed with the envelope
	}
	// In any case of letters: a name in capitals is Refresh's to refuse, not a ping without credentials.
	refreshes := slices.ContainsFunc(slices.Collect(maps.Keys(fields)), func(name string) bool { return strings.EqualFold(name, "authorization") })
	if !refreshes {
		c.pong(m)
		return
	}
	session, err := c.authenticate(func() (context.Context, Session, error) {
		// From the socket's context again: were each session derived from the one before, refreshing would pile them up.
		return c.t.cfg.Refresh(c.ctx, c.session, m.payload)
	})
	if err != nil {
		c.close(refusalCode(err), c.refusal(err))
		return
	}
	payload := map[string]any{"expiresAt": nil}
	if !session.ExpiresAt.IsZero() {
		payload["expiresAt"] = session.ExpiresAt.UTC().Format(time.RFC3339)
	}
	c.reply("pong", payload)
	c.expireAt(session.ExpiresAt)
}

// authenticate asks, for at most InitTimeout, and makes the answer the context of later operations.
func (c *conn) authenticate(ask func() (context.Context, Session, error)) (Session, error) {
	// The wait is bounded through the socket: a timeout in the context would end the session that derives from it.
	guard := time.AfterFunc(c.t.cfg.InitTimeout, func() { c.close(CloseInternal, internalReason) })
	next, session, err := ask()
	guard.Stop()
	if err != nil {
		return Session{}, err
	}
	c.session = next
	c.mu.Lock()
	c.initialised = true
	c.mu.Unlock()
	return session, nil
}

// expireAt closes the socket at that time. Zero: never.
func (c *conn) expireAt(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unset(expiryAlarm)
	if !at.IsZero() && !c.closing {
		c.set(expiryAlarm, time.Until(at))
	}
}

// refusalCode is how a socket closes that was not signed in. Who cannot be checked now is not refused: 1013 sends the
// client back without a word about its token.
func refusalCode(err error) int {
	f, isFault := errors.AsType[*fault.Error](err)
	switch {
	case errors.Is(err, ErrTooManyConnections):
		return CloseTooManyConnections
	case isFault && f.Code == fault.Unavailable:
		return CloseInternal
	default:
		return CloseForbidden
	}
}

// refusal is what the client is told about an error of authentication. What is not a fault is logged and not told.
func (c *conn) refusal(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		if f.Code == fault.Unavailable {
			return f.Message
		}
		return "Forbidden: " + f.Message
	}
	switch {
	case errors.Is(err, ErrTooManyConnections):
		return "Too many connections"
	case err != nil && !errors.Is(err, context.Canceled):
		c.t.cfg.Logger.WarnContext(c.ctx, "websocket authentication", "error", err)
	}
	return "Forbidden"
}
