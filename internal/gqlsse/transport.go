// Package gqlsse serves GraphQL over server-sent events: a graphql.Transport for the "distinct connections mode" of
// PROTOCOL.md in enisdenjo/graphql-sse, in which each operation has its own response.
//
// Each item's event has its cursor as `id:`. A Last-Event-ID request header resumes after that cursor, as the HTML standard's
// section on server-sent events defines reconnection.
package gqlsse

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/accept"
	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/stream"
)

// Config has the transport's settings. A zero field takes the default given.
type Config struct {
	// Expires returns when the session of a subscription's context ends; zero: never. The stream then ends with an
	// UNAUTHENTICATED error and complete. Nil: no session expires.
	Expires func(ctx context.Context) time.Time
	// Reserve reserves a connection for the request's stream, and release is called when the stream is gone. A refused request
	// gets 429 and Retry-After. Nil: no connection is refused.
	Reserve func(*http.Request) (release func(), ok bool)
	// Open opens the session of a subscription's stream. It returns the session's context, which must derive from ctx and
	// ends with the stream. A query or a mutation has no session, as over plain HTTP. When the context is cancelled with a
	// *fault.Error as its cause, the stream ends with that error and complete. ErrTooManyStreams is answered with 429 and
	// Retry-After, a *fault.Error with 401. Nil: no session ends.
	Open func(ctx context.Context) (context.Context, error)
	// Unread returns the account of unread bytes that the request's client shares over all its connections. A stream that
	// would exceed the account's limit ends and can be resumed. A query or a mutation gets a RATE_LIMITED error instead of
	// its result. Nil: only the stream's own bound applies.
	Unread func(*http.Request) *addresslimit.Account
	// Heartbeat is the time between comments on an idle stream. 15 s.
	Heartbeat time.Duration
	// WriteTimeout is the deadline of each event. A stream that misses it is cut. 8 s.
	WriteTimeout time.Duration
	// MaxBodyBytes bounds a POST's body (then 413). 64 KiB.
	MaxBodyBytes int64
	// MaxStreams bounds the open streams of this transport. One more gets 429 and Retry-After. 10,000.
	MaxStreams int
	// DrainJitter is the time over which Drain spreads the ends, so that clients do not reconnect all at once. 2 s.
	DrainJitter time.Duration
	// DrainTimeout bounds how long an operation may continue during Drain. 5 s.
	DrainTimeout time.Duration
	// Logger receives messages for operators. slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 8 * time.Second
	}
	if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 64 << 10
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = 10_000
	}
	if c.DrainJitter == 0 {
		c.DrainJitter = 2 * time.Second
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// ErrTooManyStreams is an error for Config.Open: a limit that is known only after sign-in.
var ErrTooManyStreams = errors.New("too many streams")

// Transport is a graphql.Transport for server-sent events. Make it with New, and add it before gqlgen's POST and GET. It is
// safe for concurrent use.
type Transport struct {
	cfg Config

	mu       sync.Mutex
	streams  map[*response]struct{}
	draining bool
	gone     chan struct{} // closed when draining and the last stream is gone
}

var _ graphql.Transport = (*Transport)(nil)

// New returns a transport with the given settings.
func New(cfg Config) *Transport {
	return &Transport{
		cfg:     cfg.withDefaults(),
		streams: make(map[*response]struct{}),
		gone:    make(chan struct{}),
	}
}

const eventStream = "text/event-stream"

// Supports reports whether the request is a GET or POST that prefers text/event-stream to JSON. Clients such as urql list it
// after JSON for every query, and get JSON.
func (t *Transport) Supports(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodPost || r.Header.Get("Upgrade") != "" {
		return false
	}
	return accept.Best(r.Header.Values("Accept"), "application/json", "application/graphql-response+json", eventStream) == eventStream
}

// Do answers one request with an event stream. It ends when the operation ends, the client disconnects, the session ends or
// the transport drains.
func (t *Transport) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if t.cfg.Reserve != nil {
		leave, ok := t.cfg.Reserve(r)
		if !ok {
			busy(http.StatusTooManyRequests, fault.New(fault.RateLimited, "Too many connections from your address: try again later.")).write(w)
			return
		}
		defer leave()
	}
	params, refusal := t.readParams(w, r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	drained := make(chan struct{})
	ctx = stream.WithDrain(ctx, drained)
	out := &response{
		w: w, control: http.NewResponseController(w), cfg: &t.cfg, cancel: cancel,
		drain: sync.OnceFunc(func() { close(drained) }),
	}
	if t.cfg.Unread != nil {
		out.unread = t.cfg.Unread(r)
	}
	if refusal := t.add(out); refusal != nil {
		refusal.write(w)
		return
	}
	defer t.remove(out)
	t.execute(ctx, r, out, exec, params)
}

// open opens the session of a subscription's stream.
func (t *Transport) open(ctx context.Context) (context.Context, *refusal) {
	if t.cfg.Open == nil {
		return ctx, nil
	}
	session, err := t.cfg.Open(ctx)
	f, isFault := errors.AsType[*fault.Error](err)
	switch {
	case err == nil:
		return session, nil
	case errors.Is(err, ErrTooManyStreams):
		return nil, busy(http.StatusTooManyRequests, fault.New(fault.RateLimited, "Too many connections of this user: close one first."))
	case isFault:
		return nil, &refusal{status: http.StatusUnauthorized, fault: f}
	default:
		t.cfg.Logger.ErrorContext(ctx, "opening an event stream's session failed", "error", err)
		return nil, busy(http.StatusServiceUnavailable, fault.New(fault.Unavailable, "The session cannot be opened now: try again."))
	}
}

// expire ends the stream when its session expires. Call stop when the stream has ended.
func (t *Transport) expire(ctx context.Context, out *response) (stop func()) {
	if t.cfg.Expires != nil {
		if at := t.cfg.Expires(ctx); !at.IsZero() {
			timer := time.AfterFunc(time.Until(at), func() { out.cancel(errExpired) })
			return func() { timer.Stop() }
		}
	}
	return func() {}
}

// errExpired is the cause with which an expired session cancels its stream.
var errExpired = fault.New(fault.Unauthenticated, "The session has expired: sign in again and resume with the last cursor.")

func (t *Transport) add(out *response) *refusal {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.draining:
		return busy(http.StatusServiceUnavailable, fault.New(fault.Unavailable, "The server is restarting: try again."))
	case len(t.streams) >= t.cfg.MaxStreams:
		return busy(http.StatusTooManyRequests, fault.New(fault.RateLimited, "Too many open streams: try again later."))
	}
	t.streams[out] = struct{}{}
	return nil
}

func (t *Transport) remove(out *response) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.streams, out)
	t.signalGone()
}

// signalGone reports that the last stream of a draining transport is gone. The lock is held.
func (t *Transport) signalGone() {
	if !t.draining || len(t.streams) > 0 {
		return
	}
	select {
	case <-t.gone:
	default:
		close(t.gone)
	}
}

// Streams returns the number of open streams.
func (t *Transport) Streams() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.streams)
}
