// Package gqlws serves GraphQL over websockets: a graphql.Transport on gorilla/websocket that speaks the
// graphql-transport-ws protocol to the letter, and the legacy graphql-ws protocol.
//
// Sources: PROTOCOL.md of enisdenjo/graphql-ws (graphql-transport-ws), PROTOCOL.md of
// apollographql/subscriptions-transport-ws (graphql-ws), RFC 6455. codes.go has the close codes, protocol.go the effect of each
// message in each state.
//
// An idle socket is parked and has no goroutine: one epoll waits for all of them (poll_linux.go). On other systems and over
// TLS, each idle socket has one goroutine that waits for its client (read.go). There is no writer goroutine: a sender writes its
// own frame if no write is in progress (queue.go). A subscription has a goroutine only while it has something to send (pump.go).
// Each socket has one timer for all its deadlines (deadlines.go) and one context: sessions and streams reach the socket through the
// stream.Connection in it (conn.go).
package gqlws

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/requestid"
)

// Authentication is the result of Init and Refresh, beside the context.
type Authentication struct {
	// ExpiresAt is the time at which the socket is closed with 4403 unless it was refreshed. Zero: never.
	ExpiresAt time.Time
	// Anonymous reports that nobody is signed in. The socket then closes after Config.AnonymousIdle without an operation.
	Anonymous bool
}

// Init turns the payload of connection_init (nil when there is none) into a session. ctx has the values of the upgrade
// request and ends with the socket. Operations run in the returned context, which must derive from ctx. The session ends
// with 4403 when End is called on stream.ConnectionOf(ctx).
//
// An error closes the socket: ErrTooManyConnections with 4029, UNAVAILABLE with 1013, any other with 4403. The client sees
// the message of a *fault.Error as the reason. Any other error is logged, and the client sees a fixed text.
type Init func(ctx context.Context, payload json.RawMessage) (context.Context, Authentication, error)

// Refresh turns the payload of a ping that has an "authorization" into a new session. ctx and the errors are as for Init.
// present is the context of the current session. Operations that already run stay in it, so Refresh must refuse another user
// and fewer rights. Operations that start later run in the returned context.
type Refresh func(ctx, present context.Context, payload json.RawMessage) (context.Context, Authentication, error)

// ErrTooManyConnections is an error for Init: a connection limit that is known only after sign-in. It closes the socket with
// 4029.
var ErrTooManyConnections = errors.New("too many connections")

// Config has the transport's settings. A zero field takes the default given.
type Config struct {
	// Init authenticates connection_init. Nil: every socket is accepted and never expires.
	Init Init
	// Refresh authenticates a ping whose payload has an "authorization" (graphql-transport-ws only); the pong answers
	// {"expiresAt": RFC 3339 or null}. Nil: such a ping is a plain ping.
	Refresh Refresh
	// SessionAlive reports whether the session in an operation's context is still valid. If not, no query and no mutation
	// starts; the code that ended the session also closes the socket. Nil: every session is valid.
	SessionAlive func(ctx context.Context) bool
	// CheckOrigin decides before the upgrade; a refused request gets 403. Nil: only the same origin, or none.
	CheckOrigin func(*http.Request) bool
	// Reserve reserves a connection for the request before the upgrade, and release is called when the socket is gone. A
	// refused request gets 429 and Retry-After. Nil: no connection is refused.
	Reserve func(*http.Request) (release func(), ok bool)

	// BaseContext returns the context that the socket is built on. It carries only those values of the upgrade request's
	// context that operations need, and does not end with it. It lives as long as the socket, so it should hold little. Nil:
	// context.WithoutCancel, which keeps everything that net/http and middleware have stored.
	BaseContext func(context.Context) context.Context

	// InitTimeout bounds the wait for connection_init (then 4408) and each call of Init and Refresh. 5 s.
	InitTimeout time.Duration
	// PingInterval is the time between websocket pings. A socket that has left two unanswered is cut when the third is due.
	// 25 s.
	PingInterval time.Duration
	// WriteTimeout is the deadline of each frame. A socket that misses it is stalled: its operations end. 5 s.
	WriteTimeout time.Duration
	// StallGrace is the extra time in which a stalled client may read the 4008. With WriteTimeout, a stalled
	// reader is gone within 10 s. 4 s.
	StallGrace time.Duration
	// CloseTimeout bounds the wait for the peer's close frame after ours. 1 s.
	CloseTimeout time.Duration
	// AnswerTimeout bounds how long a socket whose session has ended waits for the answers of running queries and mutations.
	// After it, each of them gets an error and the socket closes. 30 s.
	AnswerTimeout time.Duration
	// DrainJitter is the time over which Drain spreads the closes, so that clients do not reconnect all at once. 2 s.
	DrainJitter time.Duration
	// DrainTimeout bounds how long a socket's operations may continue during Drain. 5 s.
	DrainTimeout time.Duration

	// MaxMessageBytes bounds a message from the client (then 1009). 68 KiB: a 64 KiB request and its envelope.
	MaxMessageBytes int64
	// MaxInitBytes bounds a message before connection_ack, while the sender is unknown (then 1009). 1 KiB.
	MaxInitBytes int64
	// MaxSubscriptions bounds the operations that run on one socket. One more gets an error with the code
	// TOO_MANY_SUBSCRIPTIONS. 100.
	MaxSubscriptions int
	// MaxSockets bounds the open sockets of this transport. One more gets 429 and Retry-After. 10,000.
	MaxSockets int
	// SendQueue bounds the frames queued on one socket (then 4008). Each operation has at most one frame in the queue. The
	// rest are replies to a client that sends but does not read. 256.
	SendQueue int
	// Unread returns the account of unread bytes that the request's client shares over all its connections. A socket that
	// would exceed the account's limit is a slow consumer (4008). Nil: only the socket's own bound applies.
	Unread func(*http.Request) *addresslimit.Account
	// SendQueueBytes bounds the bytes of the queued frames too. The last frame may exceed it. 2 MiB.
	SendQueueBytes int
	// AnonymousIdle bounds how long an anonymous socket stays open without an operation (then 1000). 0: for ever.
	AnonymousIdle time.Duration
	// CountMessage counts a message or control frame of the client. An error closes the socket with 4029. ctx is the context
	// that operations run in. A message that starts an operation is not counted, because the operation is counted itself.
	// Nil: nothing is counted.
	CountMessage func(ctx context.Context) error

	// Logger receives messages for operators. slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	setDefault(&c.InitTimeout, 5*time.Second)
	setDefault(&c.PingInterval, 25*time.Second)
	setDefault(&c.WriteTimeout, 5*time.Second)
	setDefault(&c.StallGrace, 4*time.Second)
	setDefault(&c.CloseTimeout, time.Second)
	setDefault(&c.AnswerTimeout, 30*time.Second)
	setDefault(&c.DrainJitter, 2*time.Second)
	setDefault(&c.DrainTimeout, 5*time.Second)
	setDefault(&c.MaxMessageBytes, 68<<10)
	setDefault(&c.MaxSubscriptions, 100)
	setDefault(&c.MaxSockets, 10_000)
	setDefault(&c.SendQueue, 256)
	setDefault(&c.SendQueueBytes, 2<<20)
	setDefault(&c.MaxInitBytes, 1<<10)
	if c.BaseContext == nil {
		c.BaseContext = context.WithoutCancel
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func setDefault[T time.Duration | int | int64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Transport is a graphql.Transport for websockets. Make it with New; it is safe for concurrent use.
type Transport struct {
	cfg      Config
	upgrader websocket.Upgrader
	started  time.Time // deadlines are durations since then

	mu       sync.Mutex
	sockets  map[*conn]struct{}
	reserved int // open sockets and upgrades under way
	draining bool
	gone     chan struct{} // closed when draining and the last socket is gone

	poll atomic.Pointer[poller] // nil until the first socket is parked
}

var _ graphql.Transport = (*Transport)(nil)

// New returns a transport with the given settings.
func New(cfg Config) *Transport {
	t := &Transport{
		cfg:     cfg.withDefaults(),
		started: time.Now(),
		sockets: make(map[*conn]struct{}),
		gone:    make(chan struct{}),
	}
	t.upgrader = websocket.Upgrader{
		HandshakeTimeout: t.cfg.WriteTimeout,
		WriteBufferSize:  4096,
		WriteBufferPool:  &sync.Pool{},
		CheckOrigin:      cfg.CheckOrigin,
	}
	return t
}

// Supports reports whether the request asks for an upgrade to a websocket.
func (t *Transport) Supports(r *http.Request) bool {
	return websocket.IsWebSocketUpgrade(r)
}

// Do upgrades the request and returns. The socket outlives this goroutine: net/http's would keep three times the memory of
// one of ours.
func (t *Transport) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	leave, status, reason := t.reserve(r)
	if status != 0 {
		w.Header().Set("Retry-After", strconv.Itoa(1+rand.IntN(5)))
		http.Error(w, reason, status)
		return
	}
	dialect, header := negotiate(r)
	if id := requestid.FromContext(r.Context()); id != "" { // gorilla's answer to the upgrade has no headers but these
		if header == nil {
			header = http.Header{}
		}
		header.Set(requestid.Header, id)
	}
	c := &conn{t: t, dialect: dialect, exec: exec, leave: leave}
	c.wire.maxUnfinished = maxUnfinishedBytes(t.cfg.MaxMessageBytes)
	if t.cfg.Unread != nil {
		c.unread = t.cfg.Unread(r)
	}
	ws, err := t.upgrader.Upgrade(hijacker{w, &c.wire}, r, header)
	if err != nil { // the upgrader has answered the request
		t.release(leave)
		return
	}
	// The request's context ends when this handler returns; its values live on with the socket.
	c.open(t.cfg.BaseContext(r.Context()), ws)
	draining := t.add(c)
	if dialect == nil {
		c.close(CloseSubprotocolNotAcceptable, "Subprotocol not acceptable")
	} else if draining {
		c.close(CloseDraining, drainReason)
	}
	c.startDeadlines()
	c.park()
}

// maxUnfinishedBytes returns the most bytes on the wire that a message of n bytes may take. Fragments of a few bytes have a
// header of 6 bytes each, hence the factor.
func maxUnfinishedBytes(n int64) int { return int(8*n) + 4<<10 }

// readBuffer holds a frame's header and short messages whole; longer payloads bypass it. gorilla replaces a buffer of 256
// bytes or less by its own.
const readBuffer = 320

// hijacker hijacks the connection through middleware that wraps the ResponseWriter, which gorilla's type assertion cannot,
// and puts a wire around it.
type hijacker struct {
	http.ResponseWriter
	wire *wire
}

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	// net/http's buffer of 4 KiB would stay with each idle socket, so this one is small.
	w := h.wire
	w.Conn, w.buffer = nc, bufio.NewReaderSize(w, readBuffer)
	if rw.Reader.Buffered() == 0 { // otherwise the upgrader refuses the connection
		rw = bufio.NewReadWriter(w.buffer, rw.Writer)
	}
	return w, rw, nil
}

// negotiate returns the dialect and the header that answers the client's offer. The dialect is nil when we speak none of the
// offered subprotocols. The client's first offer is then echoed: a browser that gets no subprotocol back reports 1006 and
// hides our 4406.
func negotiate(r *http.Request) (*dialect, http.Header) {
	offered := websocket.Subprotocols(r)
	for _, d := range dialects {
		for _, name := range offered {
			if name == d.subprotocol {
				// gorilla keeps this string; name would keep the whole request header in memory.
				return d, http.Header{"Sec-Websocket-Protocol": {d.subprotocol}}
			}
		}
	}
	if len(offered) > 0 {
		return nil, http.Header{"Sec-Websocket-Protocol": {offered[0]}}
	}
	return nil, nil
}
