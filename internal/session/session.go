package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/stream"
)

// ErrTooMany means that the user has the maximum number of sessions on this replica.
var ErrTooMany = errors.New("too many sessions of this user")

// Session is the session of a websocket or an event stream. It depends on a token, or on the token that has replaced it, and
// ends when that expires or is revoked.
type Session struct {
	registry *Registry
	// base is the parent of the contexts of all operations.
	base       context.Context
	connection stream.Connection

	mu        sync.Mutex
	principal *auth.Principal
	ended     bool // nothing is delivered any more; base may live on for closeDelay
}

type contextKey struct{}

// Open opens a session for the principal that lasts as long as ctx. It returns the session's context, which carries the
// principal. When the session ends, ctx's connection ends with a *fault.Error as its cause; a ctx without a connection is
// cancelled (stream.ConnectionOf). For an anonymous principal it returns ctx, because there is no token that could end.
// Errors: UNAUTHENTICATED when the token was revoked meanwhile, ErrTooMany.
func (r *Registry) Open(ctx context.Context, p auth.Principal) (context.Context, error) {
	if !p.SignedIn() {
		return ctx, nil
	}
	s := &Session{registry: r}
	var base context.Context
	s.connection, base = stream.ConnectionOf(ctx)
	s.base = context.WithValue(base, contextKey{}, s)
	ctx = auth.NewContext(s.base, p)
	s.principal = auth.Shared(ctx, p)
	if err := r.add(s); err != nil {
		return nil, err
	}
	s.connection.OnEnd(s)
	return ctx, nil
}

func (r *Registry) add(s *Session) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	sessions := r.open[s.principal.CustomerID]
	switch {
	case r.isRevoked(*s.principal):
		return errRevoked
	case len(sessions) >= r.cfg.MaxPerUser:
		return ErrTooMany
	case sessions == nil:
		sessions = map[*Session]struct{}{}
		r.open[s.principal.CustomerID] = sessions
	}
	sessions[s] = struct{}{}
	return nil
}

// ConnectionEnded implements stream.EndListener.
func (s *Session) ConnectionEnded() {
	r := s.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	sessions := r.open[s.principal.CustomerID] // the user of a session never changes
	delete(sessions, s)
	if len(sessions) == 0 {
		delete(r.open, s.principal.CustomerID)
	}
}

// Renew continues the session of the present context with a newer token of the same user. It returns the context for
// operations that start later; running ones continue. FORBIDDEN for another user, UNAUTHENTICATED when the session or the
// token has ended.
func Renew(present context.Context, p auth.Principal) (context.Context, error) {
	s, ok := present.Value(contextKey{}).(*Session)
	if !ok || !p.Same(auth.FromContext(present)) {
		return nil, fault.New(fault.Forbidden, "The token is another user's; open a new connection.")
	}
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	if s.registry.isRevoked(p) {
		return nil, errRevoked
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOver() {
		return nil, errExpired
	}
	next := auth.NewContext(s.base, p)
	s.principal = auth.Shared(next, p)
	return next, nil
}

var errExpired = fault.New(fault.Unauthenticated, "The session has expired: sign in again.")

// BlockIfEnded returns nil if the session of ctx is valid, or ctx has none. Otherwise it blocks until ctx ends, which is soon, and
// returns its error. So the next thing that the client of an ended session receives is the close, never an answer or an event. It
// reads only memory.
func BlockIfEnded(ctx context.Context) error {
	s, ok := ctx.Value(contextKey{}).(*Session)
	if !ok || s.alive() {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

// Alive reports whether the session of ctx is valid, or ctx has none. It does not wait.
func Alive(ctx context.Context) bool {
	s, ok := ctx.Value(contextKey{}).(*Session)
	return !ok || s.alive()
}

func (s *Session) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.isOver()
}

// isOver reports whether the session has ended. Once expired it stays so, even if the clock is set back or a newer token
// comes too late. The lock is held.
func (s *Session) isOver() bool {
	if !s.ended && s.principal.Expired(time.Now()) {
		s.ended = true
		s.connection.End(errExpired) // usually the transport's timer came first
	}
	return s.ended
}

// endIfIssuedBy ends the session if its token was issued at or before a time. The registry's lock is held.
func (s *Session) endIfIssuedBy(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.principal.IssuedAt.After(at) {
		return
	}
	s.ended = true
	time.AfterFunc(closeDelay, func() { s.connection.End(errRevoked) })
}
