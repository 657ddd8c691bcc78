// Package session knows which tokens are void and which connections live on a token. A revocation, made by a user who
// signs out or by staff, voids every token that the user was given up to that moment: no request is answered to it any
// more, and the connections that were opened with it end, on every replica.
//
// Each replica has the revocations in memory, so that every request and every event can be checked without a round trip.
// It reads new ones once a second, and at once when NOTIFY hints at one. A revocation is a moment on the database's
// clock and tokens carry theirs in microseconds, so that a token given out right after signing out is good.
package session

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// Revocation voids the tokens a customer was given at or before a moment.
type Revocation struct {
	CustomerID uuid.UUID
	// At is on the database's clock.
	At time.Time
}

// ErrUnknown says that nothing is known of a customer id.
var ErrUnknown = errors.New("unknown customer")

// Store keeps revocations for all replicas.
type Store interface {
	// Revoke voids the customer's tokens of up to now and returns that moment. Of a customer who never signed in, has no
	// order and was never revoked it returns ErrUnknown, unless evenUnknown. The entry, unless nil, is recorded with it.
	Revoke(ctx context.Context, p auth.Principal, customerID uuid.UUID, evenUnknown bool, entry *audit.Entry) (time.Time, error)
	// Since returns at least the revocations that have become visible since an earlier call returned since as now.
	Since(ctx context.Context, since time.Time) (revoked []Revocation, now time.Time, err error)
	// Seen keeps that these customers have signed in.
	Seen(ctx context.Context, customerIDs []uuid.UUID) error
	// Forget deletes revocations older than age.
	Forget(ctx context.Context, age time.Duration) error
}

const (
	defaultPollInterval = time.Second
	// closeDelay is how long the connections of a revoked session outlive it, so that one who signs out over a websocket
	// gets the answer. Nothing else is executed or delivered meanwhile.
	closeDelay = 250 * time.Millisecond
	// readTimeout bounds one look at the store.
	readTimeout = 5 * time.Second
	// forgetInterval is how often old revocations are deleted.
	forgetInterval = time.Hour
	// maxSeen bounds the memory for who was seen; when it is full it starts anew, which costs a few needless inserts.
	maxSeen = 100_000
)

// Config of a Registry. A zero field takes the default.
type Config struct {
	// PollInterval is how often revocations are read when nothing hints at one: 1 s.
	PollInterval time.Duration
	// StaleAfter is after how long without a successful read tokens are refused with UNAVAILABLE: 10 s. What cannot be
	// known is not assumed: a request that gets through without the database is rare anyway. Connections that are open
	// stay, since closing them all would turn a short outage into a storm of reconnects.
	StaleAfter time.Duration
	// MaxLifetime is the longest lifetime of a token; older revocations mean nothing any more. 30 days.
	MaxLifetime time.Duration
	// MaxPerUser bounds the sessions of one user on this replica: 256.
	MaxPerUser int
	// Clock dates what is audited. Nil: the machine's.
	Clock order.Clock
	// Logger gets what the operator should know. Nil: nobody.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.PollInterval == 0 {
		c.PollInterval = defaultPollInterval
	}
	if c.StaleAfter == 0 {
		c.StaleAfter = 10 * time.Second
	}
	if c.MaxLifetime == 0 {
		c.MaxLifetime = auth.MaxTTL
	}
	if c.MaxPerUser == 0 {
		c.MaxPerUser = 256
	}
	if c.Clock == nil {
		c.Clock = order.SystemClock
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Registry has the revocations and the open sessions of one process. Its methods may be called concurrently.
type Registry struct {
	store    Store
	verifier auth.Verifier
	cfg      Config
	hint     chan struct{}

	// reading serializes looks at the store; since is where the next one begins. Both are of refresh alone.
	reading sync.Mutex
	since   time.Time

	mu      sync.Mutex
	readAt  time.Time // when the last successful read began, on this machine's clock
	revoked map[uuid.UUID]time.Time
	open    map[uuid.UUID]map[*Session]struct{}
	seen    map[uuid.UUID]struct{}
	unsaved []uuid.UUID // of seen
}

// NewRegistry reads the revocations there are. verifier checks the tokens themselves. Run the registry.
func NewRegistry(ctx context.Context, store Store, verifier auth.Verifier, cfg Config) (*Registry, error) {
	r := &Registry{
		store: store, verifier: verifier, cfg: cfg.withDefaults(),
		hint:    make(chan struct{}, 1),
		revoked: map[uuid.UUID]time.Time{},
		open:    map[uuid.UUID]map[*Session]struct{}{},
		seen:    map[uuid.UUID]struct{}{},
	}
	if err := r.refresh(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Verify implements auth.Verifier: the token must be valid and not revoked. UNAVAILABLE when that is not known.
func (r *Registry) Verify(ctx context.Context, token string) (auth.Principal, error) {
	p, err := r.verifier.Verify(ctx, token)
	if err != nil {
		return auth.Principal{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.readAt) > r.cfg.StaleAfter {
		return auth.Principal{}, fault.New(fault.Unavailable, "The token cannot be checked now: try again.")
	}
	if r.isRevoked(p) {
		return auth.Principal{}, errRevoked
	}
	r.see(p.CustomerID)
	return p, nil
}

// errRevoked is what a client with a revoked token is told.
var errRevoked = fault.New(fault.Unauthenticated, "The session was ended: sign in again.")

// isRevoked is called with the lock held. A token without a time of issue counts as older than any revocation.
func (r *Registry) isRevoked(p auth.Principal) bool {
	at, found := r.revoked[p.CustomerID]
	return found && !p.IssuedAt.After(at)
}

// see is called with the lock held.
func (r *Registry) see(customerID uuid.UUID) {
	if _, known := r.seen[customerID]; known {
		return
	}
	if len(r.seen) >= maxSeen {
		clear(r.seen)
		r.unsaved = nil
	}
	r.seen[customerID] = struct{}{}
	r.unsaved = append(r.unsaved, customerID)
}

// SignOut voids the principal's tokens of up to now, everywhere, and returns that moment. This replica knows at once.
// UNAUTHENTICATED for nobody in particular, who has none.
func (r *Registry) SignOut(ctx context.Context, p auth.Principal) (time.Time, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return time.Time{}, err
	}
	return r.revoke(ctx, p, p.CustomerID, true, nil)
}

// Revoke is SignOut of somebody else, for staff. A customer is known who has signed in or ordered; the user error
// USER_NOT_FOUND says that the id is nobody's, most likely mistyped. It is audited as user.revoke.
func (r *Registry) Revoke(ctx context.Context, p auth.Principal, customerID uuid.UUID) (time.Time, error) {
	if err := auth.RequireStaff(p); err != nil {
		return time.Time{}, err
	}
	at, err := r.revoke(ctx, p, customerID, r.hasSeen(customerID), audit.New(r.cfg.Clock(), p, "user.revoke", id.Customer, customerID, ""))
	if errors.Is(err, ErrUnknown) {
		return time.Time{}, fault.User(fault.UserNotFound, "Nobody with this id has ever signed in or ordered.", "input", "customerId")
	}
	return at, err
}

func (r *Registry) hasSeen(customerID uuid.UUID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, seen := r.seen[customerID]
	return seen
}

func (r *Registry) revoke(ctx context.Context, p auth.Principal, customerID uuid.UUID, evenUnknown bool, entry *audit.Entry) (time.Time, error) {
	at, err := r.store.Revoke(ctx, p, customerID, evenUnknown, entry)
	if err != nil {
		return time.Time{}, err
	}
	r.apply([]Revocation{{CustomerID: customerID, At: at}})
	return at, nil
}

// apply ends what the revocations void. It may be told the same again.
func (r *Registry) apply(revocations []Revocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range revocations {
		if !v.At.After(r.revoked[v.CustomerID]) {
			continue
		}
		r.revoked[v.CustomerID] = v.At
		for s := range r.open[v.CustomerID] {
			s.endIfIssuedBy(v.At)
		}
	}
}

// Sessions returns how many sessions are open.
func (r *Registry) Sessions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, sessions := range r.open {
		n += len(sessions)
	}
	return n
}
