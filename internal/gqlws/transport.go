// Package gqlws serves GraphQL over websockets: a graphql.Transport on gorilla/websocket that speaks the
// graphql-transport-ws protocol to the letter, and the legacy graphql-ws protocol.
//
// Sources: PROTOCOL.md of enisdenjo/graphql-ws (graphql-transport-ws), PROTOCOL.md of
// apollographql/subscriptions-transport-ws (graphql-ws), RFC 6455. The close codes are in codes.go, what each message
// does in each state is in protocol.go.
//
// A socket at rest has no goroutine: all of them wait in one epoll (poll_linux.go). On other systems, and over TLS, each has
// one that waits for its client (read.go). Writing is done by whoever has something to say and finds nobody writing
// (queue.go); a subscription has a goroutine only while it has something to send (advance.go). Pings, the wait for
// connection_init and the session's end are alarms on the socket's one timer (alarm.go). It has one context too: sessions
// and streams learn what they need of the socket by the stream.Connection in it (conn.go).
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

	"github.com/orderwire/orderwire/internal/quota"
	"github.com/orderwire/orderwire/internal/requestid"
)

// Session is what authentication says about a socket beside its context.
type Session struct {
	// ExpiresAt is when the socket is closed with 4403 unless it was refreshed. Zero: never.
	ExpiresAt time.Time
	// Anonymous: nobody is signed in, so the socket ends when it has had no operation for Config.AnonymousIdle.
	Anonymous bool
}

// Init turns connection_init's payload (nil: none was given) into a session. ctx has the values of the upgrade request
// and ends with the socket. Operations run in the returned context, which must derive from ctx. The session ends with 4403
// when stream.ConnectionOf(ctx) is told to End.
//
// An error closes the socket: with 4029 when it is ErrTooManyConnections, with 1013 when it is UNAVAILABLE, otherwise with
// 4403. The reason the client
// sees is the message of a *fault.Error, and a fixed text for any other error, which is logged.
type Init func(ctx context.Context, payload json.RawMessage) (context.Context, Session, error)

// Refresh turns the payload of a ping that has an "authorization" into a new session. ctx and the errors are as for
// Init. present is the session's context so far: Refresh must refuse another user than present's, or less rights than
// operations that go on running in present have. Operations that start later run in the returned context.
type Refresh func(ctx, present context.Context, payload json.RawMessage) (context.Context, Session, error)

// ErrTooManyConnections is for Init to return; it closes the socket with 4029: a limit that is known only after sign-in.
var ErrTooManyConnections = errors.New("too many connections")

// Config has the transport's settings. Zero values mean the defaults given.
type Config struct {
	// Init authenticates connection_init. Nil: every socket is accepted and never expires.
	Init Init
	// Refresh authenticates a ping whose payload has an "authorization" (graphql-transport-ws only); the pong answers
	// {"expiresAt": RFC 3339 or null}. Nil: such a ping is a plain ping.
	Refresh Refresh
	// Alive reports whether the session in an operation's context still lives. When not, no query and no mutation begins, and
	// the socket is about to be closed by whoever ended the session. Nil: it does.
	Alive func(ctx context.Context) bool
	// CheckOrigin decides before the upgrade; false is answered with 403. Nil: only the same origin, or none.
	CheckOrigin func(*http.Request) bool
	// Admit makes room for the request's connection before the upgrade; release gives it back when the socket is gone.
	// false is answered with 429 and Retry-After. Nil: everybody is admitted.
	Admit func(*http.Request) (release func(), ok bool)

	// Keep returns a context with those of the values of an upgrade request's context that operations need, and which does
	// not end with it. It lives as long as the socket, so the less it holds the better. Nil: context.WithoutCancel, which
	// keeps all that net/http and middleware have put there.
	Keep func(context.Context) context.Context

	// InitTimeout is how long a socket may wait before connection_init (then 4408), and how long Init and Refresh may
	// take. 5 s.
	InitTimeout time.Duration
	// PingInterval is the time between websocket pings; a socket that left two unanswered is dead at the third. 25 s.
	PingInterval time.Duration
	// WriteTimeout is the deadline of each frame. A socket that exceeds it has its operations ended. 5 s.
	WriteTimeout time.Duration
	// StallGrace is how long after that the client may still wake up to be told 4008: with
	// WriteTimeout, a reader that stalls is gone within 10 s. 4 s.
	StallGrace time.Duration
	// CloseTimeout is how long the peer's close frame is awaited after ours. 1 s.
	CloseTimeout time.Duration
	// AnswerTimeout is how long a socket whose session has ended waits for the answers of queries and mutations that run,
	// before it tells its client that there are none and closes. 30 s.
	AnswerTimeout time.Duration
	// DrainJitter is the time over which Drain spreads the closes, so that clients do not return all at once. 2 s.
	DrainJitter time.Duration
	// DrainTimeout is how long Drain lets the operations of a socket run on. 5 s.
	DrainTimeout time.Duration

	// MaxMessageBytes bounds a message from the client (then 1009). 68 KiB: a 64 KiB request and its envelope.
	MaxMessageBytes int64
	// MaxInitBytes bounds a message before the connection is acknowledged, when its sender may be anybody (then 1009). 1 KiB.
	MaxInitBytes int64
	// MaxSubscriptions bounds the operations that run on one socket; one more gets an error with the code
	// TOO_MANY_SUBSCRIPTIONS. 100.
	MaxSubscriptions int
	// MaxSockets bounds the open sockets of this transport; one more is answered with 429 and Retry-After. 10,000.
	MaxSockets int
	// SendQueue bounds the frames that wait to be written on one socket (then 4008). Each operation has at most one in
	// it, so the rest is answers to a client that sends and does not read. 256.
	SendQueue int
	// Unread is the account of the bytes that the request's client does not read, on all its connections. A socket that would make it
	// hold more than it may is a slow consumer (4008). Nil: each socket has its own bound alone.
	Unread func(*http.Request) *quota.Account
	// SendQueueBytes bounds the bytes of those frames too; one frame more may exceed it. 2 MiB.
	SendQueueBytes int
	// AnonymousIdle is how long a socket that nobody signed in on stays without an operation (then 1000). 0: for ever.
	AnonymousIdle time.Duration
	// Count counts a message or control frame of the client. An error closes the socket with 4029. ctx is that of operations.
	// A message that begins an operation is not counted: the operation is. Nil: nothing is counted.
	Count func(ctx context.Context) error

	// Logger gets what the operator should know. slog.Default().
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
	if c.Keep == nil {
		c.Keep = context.WithoutCancel
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
	began    time.Time // what the sockets' clocks count from

	mu       sync.Mutex
	sockets  map[*conn]struct{}
	reserved int // sockets and upgrades under way
	draining bool
	gone     chan struct{} // closed when draining and the last socket is gone

	poll atomic.Pointer[poller] // nil until a socket rests there
}

var _ graphql.Transport = (*Transport)(nil)

// New returns a transport with the given settings.
func New(cfg Config) *Transport {
	t := &Transport{
		cfg:     cfg.withDefaults(),
		began:   time.Now(),
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

// Do upgrades the request and returns: the socket is served by a goroutine of its own, because net/http's goroutine
// would keep three times its memory.
func (t *Transport) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	leave, status, reason := t.reserve(r)
	if status != 0 {
		w.Header().Set("Retry-After", strconv.Itoa(1+rand.IntN(5)))
		http.Error(w, reason, status)
		return
	}
	dialect, header := negotiate(r)
	if id := requestid.FromContext(r.Context()); id != "" { // the answer to an upgrade has the headers given here, and no others
		if header == nil {
			header = http.Header{}
		}
		header.Set(requestid.Header, id)
	}
	c := &conn{t: t, dialect: dialect, exec: exec, leave: leave}
	c.wire.most = mostWire(t.cfg.MaxMessageBytes)
	if t.cfg.Unread != nil {
		c.unread = t.cfg.Unread(r)
	}
	ws, err := t.upgrader.Upgrade(hijacker{w, &c.wire}, r, header)
	if err != nil { // the upgrader has answered
		t.release(leave)
		return
	}
	// The request's context ends when this handler returns; its values live on with the socket.
	c.open(t.cfg.Keep(r.Context()), ws)
	draining := t.add(c)
	if dialect == nil {
		c.close(CloseSubprotocolNotAcceptable, "Subprotocol not acceptable")
	} else if draining {
		c.close(CloseDraining, drainReason)
	}
	c.start()
	c.settle()
}

// mostWire is how many bytes a message of at most n may take on the wire: in fragments of a few bytes, each has a header of 6.
func mostWire(n int64) int { return int(8*n) + 4<<10 }

// readBuffer holds a frame's header and short messages whole; longer ones are read past it. Of 256 bytes or less
// gorilla would make another.
const readBuffer = 320

// hijacker finds the connection behind middleware that wraps the ResponseWriter, which gorilla's type assertion does
// not, and puts a wire around it.
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
	// A small buffer of our own: the 4 KiB one of net/http would stay with each idle socket.
	w := h.wire
	w.Conn, w.buffer = nc, bufio.NewReaderSize(w, readBuffer)
	if rw.Reader.Buffered() == 0 { // else the upgrader refuses it
		rw = bufio.NewReadWriter(w.buffer, rw.Writer)
	}
	return w, rw, nil
}

// negotiate chooses the dialect, and the header that answers the client's offer; nil when there is none we speak.
// Then the client's first offer is echoed: a browser that gets no subprotocol back reports 1006 and hides our 4406.
func negotiate(r *http.Request) (*dialect, http.Header) {
	offered := websocket.Subprotocols(r)
	for _, d := range dialects {
		for _, name := range offered {
			if name == d.subprotocol {
				// Not name, which gorilla would keep, and with it the header it is a part of.
				return d, http.Header{"Sec-Websocket-Protocol": {d.subprotocol}}
			}
		}
	}
	if len(offered) > 0 {
		return nil, http.Header{"Sec-Websocket-Protocol": {offered[0]}}
	}
	return nil, nil
}
