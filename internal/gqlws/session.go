package gqlws

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
)

// initialise handles connection_init. It runs on the reader's goroutine, so a client that sends more before connection_ack
// is served in order.
func (c *conn) initialise(m message) {
	c.mu.Lock()
	inTime := c.clearDeadline(initDeadline)
	c.mu.Unlock()
	if !inTime {
		return // the deadline has passed and closes the socket, or the socket is closed
	}
	authenticated, err := c.authenticate(func() (context.Context, Authentication, error) {
		if c.t.cfg.Init == nil {
			return c.ctx, Authentication{}, nil
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
	c.anonymous = authenticated.Anonymous
	c.startIdleDeadline()
	c.mu.Unlock()
	c.reply("connection_ack", nil)
	if c.dialect.legacy {
		c.reply("ka", nil)
	}
	c.expireAt(authenticated.ExpiresAt)
}

// countMessage counts a message for its sender's rate limit. It reports false above the limit: the socket then closes with
// 4029, after which a stock client waits and reconnects.
func (c *conn) countMessage() bool {
	if c.t.cfg.CountMessage == nil {
		return true
	}
	if c.isClosing() { // it already has a reason; later messages are dropped
		return false
	}
	err := c.t.cfg.CountMessage(c.operationCtx)
	if err != nil {
		c.close(CloseTooManyConnections, "Too many messages: wait, and reconnect")
	}
	return err == nil
}

// pongOrRefresh handles a ping after connection_ack. A ping with an authorization refreshes the session.
func (c *conn) pongOrRefresh(m message) {
	var fields map[string]json.RawMessage
	if c.t.cfg.Refresh != nil && m.payload != nil {
		_ = json.Unmarshal(m.payload, &fields) // the envelope's parser has validated it
	}
	// The name matches in any case: Refresh has to refuse a name in capitals, which must not count as a ping without
	// credentials.
	refreshes := slices.ContainsFunc(slices.Collect(maps.Keys(fields)), func(name string) bool { return strings.EqualFold(name, "authorization") })
	if !refreshes {
		c.pong(m)
		return
	}
	authenticated, err := c.authenticate(func() (context.Context, Authentication, error) {
		// Each session derives from the socket's context: if each derived from the previous one, every refresh would make
		// the chain longer.
		return c.t.cfg.Refresh(c.ctx, c.operationCtx, m.payload)
	})
	if err != nil {
		c.close(refusalCode(err), c.refusal(err))
		return
	}
	payload := map[string]any{"expiresAt": nil}
	if !authenticated.ExpiresAt.IsZero() {
		payload["expiresAt"] = authenticated.ExpiresAt.UTC().Format(time.RFC3339)
	}
	c.reply("pong", payload)
	c.expireAt(authenticated.ExpiresAt)
}

// authenticate calls ask and makes the returned context the one of later operations. It closes the socket when ask takes
// longer than InitTimeout.
func (c *conn) authenticate(ask func() (context.Context, Authentication, error)) (Authentication, error) {
	// The timeout acts on the socket: a timeout in the context would also end the session that derives from it.
	guard := time.AfterFunc(c.t.cfg.InitTimeout, func() { c.close(CloseInternal, internalReason) })
	next, authenticated, err := ask()
	guard.Stop()
	if err != nil {
		return Authentication{}, err
	}
	c.operationCtx = next
	c.mu.Lock()
	c.initialised = true
	c.mu.Unlock()
	return authenticated, nil
}

// expireAt sets the time at which the session expires. Zero: never.
func (c *conn) expireAt(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clearDeadline(expiryDeadline)
	if !at.IsZero() && !c.closing {
		c.setDeadline(expiryDeadline, time.Until(at))
	}
}

// refusalCode returns the close code for an authentication error. A client that cannot be checked now is not refused: 1013
// makes it reconnect and says nothing about its token.
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

// refusal returns the close reason for an authentication error. An error that is not a fault is logged, and the client sees
// a fixed text.
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
		c.t.cfg.Logger.WarnContext(c.ctx, "websocket authentication failed", "error", err)
	}
	return "Forbidden"
}
