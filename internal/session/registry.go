// Package session knows which tokens are revoked and which connections depend on a token. A revocation, by a user who signs
// out or by staff, voids every token that the user was given before it. On every replica, requests with such a token are
// refused and the connections that were opened with it end.
//
// Each replica has the revocations in memory, so that it can check every request and every event without a round trip. It
// reads new ones once a second, and at once when NOTIFY hints at one. A revocation is a time on the database's clock, and
// tokens carry their time of issue in microseconds, so a token issued right after signing out is valid.
package session

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// Revocation voids the tokens that a customer was given at or before a time.
type Revocation struct {
	CustomerID id.Customer
	// At is on the database's clock.
	At time.Time
}

// ErrUnknown means that no customer with the id is known.
var ErrUnknown = errors.New("unknown customer")

// Store stores revocations for all replicas.
type Store interface {
	// Revoke voids the customer's tokens issued until now and returns that time. Unless evenUnknown is set, it returns
	// ErrUnknown for a customer who never signed in, has no order and was never revoked. It records the entry, unless nil,
	// in the same transaction.
	Revoke(ctx context.Context, p auth.Principal, customerID id.Customer, evenUnknown bool, entry *audit.Entry) (time.Time, error)
	// Since returns at least the revocations that have become visible since the call that returned since as now.
	Since(ctx context.Context, since time.Time) (revoked []Revocation, now time.Time, err error)
	// Seen records that these customers have signed in.
	Seen(ctx context.Context, customerIDs []id.Customer) error
	// Forget deletes revocations older than age.
	Forget(ctx context.Context, age time.Duration) error
}

const (
	defaultPollInterval = time.Second
	// closeDelay is the time for which connections outlive their revoked session, so that a client that signs out over a websocket
	// gets the answer. Nothing else is executed or delivered in that time.
	closeDelay = 250 * time.Millisecond
	// readTimeout bounds one call of the store.
	readTimeout = 5 * time.Second
	// forgetInterval is the interval at which old revocations are deleted.
	forgetInterval = time.Hour
	// maxSeen bounds the memory for seen customers. When it is full it is cleared, which costs a few needless inserts.
	maxSeen = 100_000
)

// Config has the settings of a Registry. A zero field takes the default given.
type Config struct {
	// PollInterval is the interval at which revocations are read without a hint. 1 s.
	PollInterval time.Duration
	// StaleAfter is the time for which tokens are accepted after the last successful read; later they are refused with UNAVAILABLE.
	// 10 s. A token that may have been revoked must not be accepted, and without the database few requests would succeed anyway.
	// Open connections stay open: closing all of them would turn a short outage into a storm of reconnects.
	StaleAfter time.Duration
	// MaxLifetime is the longest lifetime of a token. Older revocations have no effect. 30 days.
	MaxLifetime time.Duration
	// MaxPerUser bounds the sessions of one user on this replica. 256.
	MaxPerUser int
	// Clock dates the audit entries. Nil: the machine's clock.
	Clock order.Clock
	// Logger receives messages for operators. Nil: nothing is logged.
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

	// reading serializes the reads of the store; the next one begins at since. Only refresh uses them.
	reading sync.Mutex
	since   time.Time

	mu      sync.Mutex
	readAt  time.Time // when the last successful read began, on this machine's clock
	revoked map[id.Customer]time.Time
	open    map[id.Customer]map[*Session]struct{}
	seen    map[id.Customer]struct{}
	unsaved []id.Customer // those of seen that are not stored yet
}

// NewRegistry returns a registry that has read the current revocations. verifier checks the tokens themselves.
func NewRegistry(ctx context.Context, store Store, verifier auth.Verifier, cfg Config) (*Registry, error) {
	r := &Registry{
		store: store, verifier: verifier, cfg: cfg.withDefaults(),
		hint:    make(chan struct{}, 1),
		revoked: map[id.Customer]time.Time{},
		open:    map[id.Customer]map[*Session]struct{}{},
		seen:    map[id.Customer]struct{}{},
	}
	if err := r.refresh(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Verify implements auth.Verifier: the token must be valid and not revoked. UNAVAILABLE means that this is not known now.
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

// errRevoked is the error for a revoked token.
var errRevoked = fault.New(fault.Unauthenticated, "The session was ended: sign in again.")

// isRevoked reports whether the principal's token is revoked. A token without a time of issue counts as older than any
// revocation. The lock is held.
func (r *Registry) isRevoked(p auth.Principal) bool {
	at, found := r.revoked[p.CustomerID]
	return found && !p.IssuedAt.After(at)
}

// see notes that a customer has signed in. The lock is held.
func (r *Registry) see(customerID id.Customer) {
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

// SignOut voids the principal's tokens issued until now on all replicas, and returns that time. This replica applies it at
// once. UNAUTHENTICATED for an anonymous principal, who has no tokens.
func (r *Registry) SignOut(ctx context.Context, p auth.Principal) (time.Time, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return time.Time{}, err
	}
	return r.revoke(ctx, p, p.CustomerID, true, nil)
}

// Revoke voids the tokens of another customer, for staff. A customer is known who has signed in or ordered. For any other id
// it returns the user error USER_NOT_FOUND, because the id is most likely mistyped. It is audited as user.revoke.
func (r *Registry) Revoke(ctx context.Context, p auth.Principal, customerID id.Customer) (time.Time, error) {
	if err := auth.RequireStaff(p); err != nil {
		return time.Time{}, err
	}
	at, err := r.revoke(ctx, p, customerID, r.hasSeen(customerID), audit.New(r.cfg.Clock(), p, "user.revoke", customerID, ""))
	if errors.Is(err, ErrUnknown) {
		return time.Time{}, fault.User(fault.UserNotFound, "Nobody with this id has ever signed in or ordered.", "input", "customerId")
	}
	return at, err
}

func (r *Registry) hasSeen(customerID id.Customer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, seen := r.seen[customerID]
	return seen
}

func (r *Registry) revoke(ctx context.Context, p auth.Principal, customerID id.Customer, evenUnknown bool, entry *audit.Entry) (time.Time, error) {
	at, err := r.store.Revoke(ctx, p, customerID, evenUnknown, entry)
	if err != nil {
		return time.Time{}, err
	}
	r.apply([]Revocation{{CustomerID: customerID, At: at}})
	return at, nil
}

// apply ends the sessions that the revocations void. Repeating it has no effect.
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

// Sessions returns the number of open sessions.
func (r *Registry) Sessions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, sessions := range r.open {
		n += len(sessions)
	}
	return n
}
