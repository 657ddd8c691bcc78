// Package ratelimit bounds rates: the requests of an address, the operations of a user, their cost, and the orders of a
// user. The first three are counted by each replica for itself (token buckets in bounded memory). The limit on orders holds
// for all replicas together: see Shared.
//
// Above a limit the error is RATE_LIMITED, with the seconds to wait in extensions.retryAfter. Over HTTP the status is 429
// with Retry-After, whatever media type was requested: nothing was executed, and proxies and clients know that status. On a
// websocket the operation ends with `error` and the socket stays open.
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
	// memory bounds each limit's memory for the most recent keys, about 60,000. A client with that many addresses gets a
	// fresh limit for each; defending against it is up to the network.
	memory = 16 << 20
	// entryBytes is the approximate size of a key's entry, without the key.
	entryBytes = 256
)

// Config has the limits. 0: no limit.
type Config struct {
	// PerAddress is the number of requests that one address may make in a second, HTTP requests and operations on
	// websockets. They may come all at once.
	PerAddress int
	// PerUser is the number of operations that a signed-in user may start in a second, on any transport. They may come all
	// at once.
	PerUser int
	// CostPerUser is the total cost of the operations that a user, or the address of an anonymous client, may start in a
	// second. An operation that costs more takes all of it.
	CostPerUser int
	// Orders is the limit on each user's new orders. Nil: none.
	Orders *Shared
	// Address returns the address that a request is counted for. Required.
	Address func(*http.Request) string
	// SourceKey is the key of Source's hashes. It is the same on all replicas.
	SourceKey []byte
}

// Limits counts and refuses. A nil Limits refuses nothing. It is safe for concurrent use.
type Limits struct {
	address, user, cost *buckets
	// refused counts the refused requests: see Refusals.
	refused *buckets
	// messageAddress and messageUser count a websocket client's messages other than operations: see Message.
	messageAddress, messageUser *buckets
	orders                      *Shared
	addressOf                   func(*http.Request) string
	sourceKey                   []byte
}

// New returns the limits of cfg.
func New(cfg Config) *Limits { return newLimits(cfg, time.Now) }

func newLimits(cfg Config, now func() time.Time) *Limits {
	return &Limits{
		address:        newBuckets(cfg.PerAddress, now),
		user:           newBuckets(cfg.PerUser, now),
		cost:           newBuckets(cfg.CostPerUser, now),
		refused:        newBuckets(cfg.PerAddress, now),
		messageAddress: newBuckets(cfg.PerAddress, now),
		messageUser:    newBuckets(cfg.PerUser, now),
		orders:         cfg.Orders,
		addressOf:      cfg.Address,
		sourceKey:      cfg.SourceKey,
	}
}

// peer is the sender of the request that a context belongs to.
type peer struct {
	address string
	// counted: the request itself was counted, so its first operation is not. A websocket's further operations are.
	counted atomic.Bool
}

type contextKey struct{}

// Middleware refuses an address above its limit before the request is processed, and passes the address on to Operation.
func (l *Limits) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &peer{address: l.addressOf(r)}
		p.counted.Store(true)
		if after, ok := l.address.take(p.address, 1); !ok {
			fault.WriteHTTP(w, http.StatusTooManyRequests, tooOften("Too many requests from your address.", after), nil)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, p)))
	})
}

// CopyPeer returns ctx with the sender of the request that from belongs to, for a context that outlives the request.
func CopyPeer(ctx, from context.Context) context.Context {
	if p, ok := from.Value(contextKey{}).(*peer); ok {
		return context.WithValue(ctx, contextKey{}, p)
	}
	return ctx
}

// Source returns a hash of the address that ctx's request comes from, so that the database can count by address without
// storing it. Without the key nobody can compute or guess the hash. uuid.Nil: the address is unknown.
func (l *Limits) Source(ctx context.Context) uuid.UUID {
	p, ok := ctx.Value(contextKey{}).(*peer)
	if !ok || len(l.sourceKey) == 0 {
		return uuid.Nil
	}
	mac := hmac.New(sha256.New, l.sourceKey)
	_, _ = mac.Write([]byte(p.address)) // never fails
	return uuid.UUID(mac.Sum(nil)[:16])
}

// Caller returns the key that ctx's request is counted for: its user, or its address when nobody is signed in; "" when
// neither is known.
func Caller(ctx context.Context) string {
	if who := auth.FromContext(ctx); who.SignedIn() {
		return who.CustomerID.String()
	}
	if p, ok := ctx.Value(contextKey{}).(*peer); ok {
		return p.address
	}
	return ""
}

// Refusals is a Middleware for callers that only a signature authenticates. It counts an address's requests that
// are answered with a 4xx other than 429. So legitimate requests are never counted, however many come at once; one that
// shares the address of a forger is asked to try again later.
func (l *Limits) Refusals(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := l.addressOf(r)
		if after, ok := l.refused.peek(address); !ok {
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

// answered records the status of an answer.
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

// Operation counts an operation before its document is parsed. The error is RATE_LIMITED.
func (l *Limits) Operation(ctx context.Context) error {
	if l == nil {
		return nil
	}
	if p, ok := ctx.Value(contextKey{}).(*peer); ok && !p.counted.CompareAndSwap(true, false) {
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

// Message counts a websocket client's message that does not start an operation: a ping, a complete, or an invalid message.
// The limit is as high as that of operations but separate, so that a client that has used up its operations and waits keeps
// its socket. The error is RATE_LIMITED.
func (l *Limits) Message(ctx context.Context) error {
	if l == nil {
		return nil
	}
	if p, ok := ctx.Value(contextKey{}).(*peer); ok {
		if after, ok := l.messageAddress.take(p.address, 1); !ok {
			return tooOften("Too many messages from your address.", after)
		}
	}
	if who := auth.FromContext(ctx); who.SignedIn() {
		if after, ok := l.messageUser.take(who.CustomerID.String(), 1); !ok {
			return tooOften("Too many messages.", after)
		}
	}
	return nil
}

// Execution counts the cost of an operation before it is executed. The error is RATE_LIMITED.
func (l *Limits) Execution(ctx context.Context, cost int) error {
	if l == nil {
		return nil
	}
	if after, ok := l.cost.take(Caller(ctx), cost); !ok {
		return tooOften("Your operations cost too much together.", after)
	}
	return nil
}

// Item counts the cost of a subscription's item before it is executed. An item is never refused, because that would end the
// subscription. wait is the time to delay it; 0: none.
func (l *Limits) Item(ctx context.Context, cost int) (wait time.Duration) {
	if l == nil {
		return 0
	}
	wait, _ = l.cost.take(Caller(ctx), cost)
	return wait
}

// Order counts an order that the principal of ctx wants to place; a repeated one counts too. The error is RATE_LIMITED, or
// the database's.
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
