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

// ErrTooMany says that the user has as many sessions on this replica as one user may have.
var ErrTooMany = errors.New("too many sessions of this user")

// Session is what a websocket or an event stream lives on: a token, and the one that replaced it. It ends when the token
// expires or is revoked.
type Session struct {
	registry *Registry
	// base is the context that all operations of the connection derive from.
	base       context.Context
	connection stream.Connection

	mu        sync.Mutex
	principal *auth.Principal
	ended     bool // nothing is delivered any more; base may still live for closeDelay
}

type contextKey struct{}

// Open begins a session of the principal that lasts as long as ctx, and returns its context: it carries the principal,
// and when the session ends so does ctx's connection, with a *fault.Error as its cause; a ctx without one is cancelled (stream.ConnectionOf). Anonymous gets ctx back: there is nothing to
// end. Errors: UNAUTHENTICATED when the token was revoked meanwhile, ErrTooMany.
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
	sessions := r.open[s.principal.CustomerID] // a session never changes its user
	delete(sessions, s)
	if len(sessions) == 0 {
		delete(r.open, s.principal.CustomerID)
	}
}

// Renew lets the session of the present context go on with a newer token of the same user, and returns the context for
// operations that start later. Those that run go on too. FORBIDDEN for another user, UNAUTHENTICATED when the session or
// the token has ended.
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
	if s.over() {
		return nil, errExpired
	}
	next := auth.NewContext(s.base, p)
	s.principal = auth.Shared(next, p)
	return next, nil
}

var errExpired = fault.New(fault.Unauthenticated, "The session has expired: sign in again.")

// Admit reports whether the connection of ctx may still get something: nil when its session lives, or when it has none.
// Otherwise it waits for the end of ctx, which is near, and returns its error. So a connection whose session is over
// gets its close, and never an answer or an event that comes first. It looks at memory only.
func Admit(ctx context.Context) error {
	s, ok := ctx.Value(contextKey{}).(*Session)
	if !ok || s.lives() {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

// Alive reports whether the session of ctx lives, or has none, without waiting.
func Alive(ctx context.Context) bool {
	s, ok := ctx.Value(contextKey{}).(*Session)
	return !ok || s.lives()
}

func (s *Session) lives() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.over()
}

// over is called with the lock held. A session that was once found expired stays so, whatever its clock does and
// whatever token comes too late.
func (s *Session) over() bool {
	if !s.ended && s.principal.Expired(time.Now()) {
		s.ended = true
		s.connection.End(errExpired) // mostly its transport's timer was first
	}
	return s.ended
}

// endIfIssuedBy ends the session if its token was issued at or before a moment. The registry's lock is held.
func (s *Session) endIfIssuedBy(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.principal.IssuedAt.After(at) {
		return
	}
	s.ended = true
	time.AfterFunc(closeDelay, func() { s.connection.End(errRevoked) })
}
