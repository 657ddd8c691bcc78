// Package ratelimit bounds how often something may be asked for: requests of an address, operations of a user, what
// they cost, and orders of a user. The first three hold for each replica by itself (token buckets, in bounded memory);
// the one on orders holds for all replicas together, see Shared.
//
// Whoever is over a limit is told RATE_LIMITED, with the seconds to wait in extensions.retryAfter; over HTTP the status is
// 429, with Retry-After, whatever media type was asked for: the operation was not executed, and proxies and clients know
// that status. On a websocket the operation ends with `error` and the socket stays.
package ratelimit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
)

const (
	// memory of each limit, for those who came last, about 60,000. Who has that many addresses to come from gets a fresh
	// limit with each, and is a case for the network's defences.
	memory = 16 << 20
	// entryBytes is about what one of them holds, without its key.
	entryBytes = 256
)

// Config has the limits. 0: none.
type Config struct {
	// PerAddress is how many requests one address may make in a second: HTTP requests and operations on websockets. As
	// many may come at once.
	PerAddress int
	// PerUser is how many operations a signed-in user may start in a second, on any transport. As many may come at once.
	PerUser int
	// CostPerUser is how much a user's operations of one second may cost together; of an address, when nobody is signed in.
	// One operation that costs more than that takes all of it.
	CostPerUser int
	// Orders is the limit on each user's new orders. Nil: none.
	Orders *Shared
	// Address tells whom a request is counted for. Required.
	Address func(*http.Request) string
	// SourceKey is the key of Source's hashes, the same on all replicas.
	SourceKey []byte
}

// Limits counts. A nil Limits lets everything through. It is safe for concurrent use.
type Limits struct {
	address, user, cost *buckets
	// refused counts requests that turned out wrong, see Refusals.
	refused *buckets
	// said counts what websockets' clients send beside operations, see Message.
	saidAddress, saidUser *buckets
	orders                *Shared
	addressOf             func(*http.Request) string
	sourceKey             []byte
}

// New returns the limits of cfg.
func New(cfg Config) *Limits { return newLimits(cfg, time.Now) }

func newLimits(cfg Config, now func() time.Time) *Limits {
	return &Limits{
		address:     newBuckets(cfg.PerAddress, now),
		user:        newBuckets(cfg.PerUser, now),
		cost:        newBuckets(cfg.CostPerUser, now),
		refused:     newBuckets(cfg.PerAddress, now),
		saidAddress: newBuckets(cfg.PerAddress, now),
		saidUser:    newBuckets(cfg.PerUser, now),
		orders:      cfg.Orders,
		addressOf:   cfg.Address,
		sourceKey:   cfg.SourceKey,
	}
}

// peer is who sent the request that a context belongs to.
type peer struct {
	address string
	// paid: the request itself has been counted, and its first operation is not counted again. A websocket goes on with
	// further ones.
	paid atomic.Bool
}

type contextKey struct{}

// Middleware refuses an address that asks too often, before anything else is looked at, and lets Operation know the
// address.
func (l *Limits) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &peer{address: l.addressOf(r)}
		p.paid.Store(true)
		if after, ok := l.address.take(p.address, 1); !ok {
			fault.WriteHTTP(w, http.StatusTooManyRequests, tooOften("Too many requests from your address.", after), nil)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, p)))
	})
}

// Keep returns ctx with the peer of the request that from belongs to, for what outlives the request.
func Keep(ctx, from context.Context) context.Context {
	if p, ok := from.Value(contextKey{}).(*peer); ok {
		return context.WithValue(ctx, contextKey{}, p)
	}
	return ctx
}

// Source is which address the request comes from that ctx belongs to, so that the database can count for it without keeping it: a hash
// that nobody without the key can make or try out. uuid.Nil: it is not known.
func (l *Limits) Source(ctx context.Context) uuid.UUID {
	p, ok := ctx.Value(contextKey{}).(*peer)
	if !ok || len(l.sourceKey) == 0 {
		return uuid.Nil
	}
	mac := hmac.New(sha256.New, l.sourceKey)
	_, _ = mac.Write([]byte(p.address)) // never fails
	return uuid.UUID(mac.Sum(nil)[:16])
}

// Caller is whom the request is counted for that ctx belongs to: its user, or its address when nobody is signed in; "" when neither
// is known.
func Caller(ctx context.Context) string {
	if who := auth.FromContext(ctx); who.SignedIn() {
		return who.CustomerID.String()
	}
	if p, ok := ctx.Value(contextKey{}).(*peer); ok {
		return p.address
	}
	return ""
}

// Refusals is Middleware for callers whom only what they send can prove right: it counts the requests of an address that are
// refused, with a status of 4xx other than 429. So those who are right are never counted, however many come at once; whoever shares the
// address of a forger is told to come again.
func (l *Limits) Refusals(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := l.addressOf(r)
		if after, ok := l.refused.look(address); !ok {
			fault.WriteHTTP(w, http.StatusTooManyRequests, tooOften("Too many refused requests from your address.", after), nil)
			return
		}
		answer := &answered{ResponseWriter: w}
		next.ServeHTTP(answer, r)
		if answer.status >= 400 && answer.status < 500 && answer.status != http.StatusTooManyRequests {
			l.refused.take(address, 1)
		}
	})
}

// answered remembers the status of an answer.
type answered struct {
	http.ResponseWriter
	status int
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Operation counts an operation that begins, before its document is looked at. Its error is RATE_LIMITED.
func (l *Limits) Operation(ctx context.Context) error {
	if l == nil {
		return nil
	}
	if p, ok := ctx.Value(contextKey{}).(*peer); ok && !p.paid.CompareAndSwap(true, false) {
		if after, ok := l.address.take(p.address, 1); !ok {
			return tooOften("Too many operations from your address.", after)
		}
	}
	if who := auth.FromContext(ctx); who.SignedIn() {
		if after, ok := l.user.take(who.CustomerID.String(), 1); !ok {
			return tooOften("Too many operations.", after)
		}
	}
	return nil
}

// Message counts something that a websocket's client has sent and that begins no operation: a ping, a complete, anything
// invalid. There may be as many as operations, and who has used up the operations may still send them: a client that was told to
// wait keeps its socket. Its error is RATE_LIMITED.
func (l *Limits) Message(ctx context.Context) error {
	if l == nil {
		return nil
	}
	if p, ok := ctx.Value(contextKey{}).(*peer); ok {
		if after, ok := l.saidAddress.take(p.address, 1); !ok {
			return tooOften("Too many messages from your address.", after)
		}
	}
	if who := auth.FromContext(ctx); who.SignedIn() {
		if after, ok := l.saidUser.take(who.CustomerID.String(), 1); !ok {
			return tooOften("Too many messages.", after)
		}
	}
	return nil
}

// Execution counts what an operation may cost, before it is executed. Its error is RATE_LIMITED.
func (l *Limits) Execution(ctx context.Context, cost int) error {
	if l == nil {
		return nil
	}
	if after, ok := l.cost.take(Caller(ctx), cost); !ok {
		return tooOften("Your operations cost too much together.", after)
	}
	return nil
}

// Item counts what an item of a subscription costs that is about to be executed. It is never refused, which would end the
// subscription: wait is how long until its turn, 0 for now.
func (l *Limits) Item(ctx context.Context, cost int) (wait time.Duration) {
	if l == nil {
		return 0
	}
	wait, _ = l.cost.take(Caller(ctx), cost)
	return wait
}

// Order counts an order that the principal of ctx wants to place; a repeated one counts too. Its error is RATE_LIMITED, or
// says that the database does not answer.
func (l *Limits) Order(ctx context.Context) error {
	who := auth.FromContext(ctx)
	if l == nil || l.orders == nil || !who.SignedIn() {
		return nil
	}
	return l.orders.Take(ctx, who.CustomerID)
}

func tooOften(what string, after time.Duration) *fault.Error {
	return fault.RetryLater(fault.RateLimited, what+" Wait, and try again.", after)
}
