package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/pgurl"
)

const (
	// pingEvery keeps the connection from being idle for long, for the server (idle_session_timeout) and for what is between.
	pingEvery = 2 * time.Second
	// listenSilence ends a connection whose pings are not answered.
	listenSilence = 5 * time.Second
	// beatEvery is the interval at which the listener notifies itself, and unheardFor bounds the wait for that notification.
	beatEvery  = 2 * time.Second
	unheardFor = 4 * time.Second
	// reconnectSoonest and reconnectLatest bound the pause between attempts to connect.
	reconnectSoonest = 100 * time.Millisecond
	reconnectLatest  = 2 * time.Second
	// beatChannel is the NOTIFY channel of listeners' messages to themselves.
	beatChannel = "orderwire_beat"
)

// Listener hears NOTIFY on a connection of its own. What it hears only saves time: a notification may be lost, so
// every reader also looks on a timer.
//
// A connection that answers may still hear nothing: after a failover it may lead to the server that was the primary, and behind a pooler
// to another session each time. So the listener notifies itself over the pool that writes use, and reconnects when that
// notification does not arrive.
type Listener struct {
	dsn       string
	db        *sqlx.DB
	heard     map[string]func(payload string)
	logger    *slog.Logger
	token     string
	network   *Network
	connected atomic.Bool
}

// NewListener returns a listener to some channels of the database at a DATABASE_URL, of which db is a pool. heard has the functions
// to call for each notification, by channel; they must not block. After a reconnect each is called once with an empty payload,
// since notifications may have been missed. Run it.
func NewListener(databaseURL string, db *sqlx.DB, heard map[string]func(payload string), logger *slog.Logger, with ...Option) (*Listener, error) {
	s, err := pgurl.Parse(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	o := options{}
	for _, w := range with {
		w.apply(&o)
	}
	if o.network == nil {
		o.network = NewNetwork()
	}
	s.Options["target_session_attrs"] = string(s.Target)
	s.Options["application_name"] = "orderwire listener"
	if s.Options["connect_timeout"] == "" {
		s.Options["connect_timeout"] = fmt.Sprint(int(hostTimeout.Seconds()))
	}
	return &Listener{dsn: s.DSN(), db: db, heard: heard, logger: logger, token: rand.Text(), network: o.network}, nil
}

// Connected reports whether notifications can be heard now.
func (l *Listener) Connected() bool { return l.connected.Load() }

// Run listens until ctx ends, and reconnects by itself.
func (l *Listener) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		l.listen(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(reconnectSoonest):
		}
	}
	return nil
}

// listen listens on one connection after the other, each for as long as its own notifications arrive.
func (l *Listener) listen(ctx context.Context) {
	// Before the listener: what it tells from its own goroutine has the context.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listener := pq.NewDialListener(listenDialer{network: l.network}, l.dsn, reconnectSoonest, reconnectLatest, func(kind pq.ListenerEventType, err error) {
		l.changed(ctx, kind, err)
	})
	defer l.connected.Store(false)
	// Listen waits for a connection however long; closing ends it.
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	defer func() { _ = listener.Close() }() // twice is an error and no harm
	defer cancel()                          // before it: an end that is wanted is no loss
	// Beside the loop, because an answer only comes through when the notifications before it are taken.
	listening := make(chan error, 1)
	go func() { listening <- l.ask(listener) }()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	b := beats{send: l.beat}
	beat := time.NewTimer(beatEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-listening:
			if err != nil {
				if ctx.Err() == nil {
					l.logger.WarnContext(ctx, "PostgreSQL refused LISTEN; retrying", "error", err)
				}
				return
			}
			l.all()
			b.begin(ctx)
		case n, open := <-listener.Notify:
			switch {
			case !open:
				return
			case n == nil:
				l.all()
				b.begin(ctx)
			case n.Channel == beatChannel:
				if n.Extra == l.token {
					b.heard()
				}
			default:
				if call := l.heard[n.Channel]; call != nil {
					call(n.Extra)
				}
			}
		case <-ping.C:
			go l.ping(ctx, listener) // beside the loop, as above
		case <-beat.C:
			if l.db != nil && b.missed() {
				l.logger.WarnContext(ctx, "the LISTEN connection receives no notifications; reconnecting")
				return
			}
			b.begin(ctx)
			beat.Reset(beatEvery)
		}
	}
}

// ask asks for the channels. Once asked for, a channel is listened to after each reconnect too.
func (l *Listener) ask(listener *pq.Listener) error {
	for channel := range l.heard {
		if err := listener.Listen(channel); err != nil {
			return fmt.Errorf("listen to %s: %w", channel, err)
		}
	}
	return listener.Listen(beatChannel)
}

// beat has the listener notified.
func (l *Listener) beat(ctx context.Context) error {
	if l.db == nil {
		return errNoBeat
	}
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	_, err := l.db.ExecContext(ctx, `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`, beatChannel, l.token)
	return err
}

// ping finds out whether the connection is alive; if not, the listener reconnects.
func (l *Listener) ping(ctx context.Context, listener *pq.Listener) {
	// lib/pq panics when the server answers a ping with an error, as it does when somebody cancels the backend.
	defer func() {
		if r := recover(); r != nil {
			l.logger.WarnContext(ctx, "PostgreSQL refused the ping of the LISTEN connection", "error", r)
		}
	}()
	_ = listener.Ping() // a failure closes the connection, which is reported there
}

// all says to every channel that it may have missed something.
func (l *Listener) all() {
	for _, call := range l.heard {
		call("")
	}
}

func (l *Listener) changed(ctx context.Context, kind pq.ListenerEventType, err error) {
	switch kind {
	case pq.ListenerEventConnected, pq.ListenerEventReconnected:
		l.connected.Store(true)
	case pq.ListenerEventDisconnected:
		l.connected.Store(false)
		if ctx.Err() == nil {
			l.logger.WarnContext(ctx, "LISTEN connection lost; falling back to polling", "error", err)
		}
	case pq.ListenerEventConnectionAttemptFailed:
		if ctx.Err() == nil {
			l.logger.WarnContext(ctx, "opening the LISTEN connection failed; retrying", "error", err)
		}
	}
}

// listenDialer makes the listener's sockets.
type listenDialer struct{ network *Network }

func (d listenDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, connectTimeout)
}

func (d listenDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	return dialSocket(context.Background(), d.network, listenSilence, timeout, network, address)
}
