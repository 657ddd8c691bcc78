package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

const (
	// pingEvery keeps the connection's read deadline from ending it, and finds out when it is dead.
	pingEvery = 10 * time.Second
	// reconnectSoonest and reconnectLatest bound the pause between attempts to connect.
	reconnectSoonest = 100 * time.Millisecond
	reconnectLatest  = 5 * time.Second
)

// Listener hears NOTIFY on a connection of its own. What it hears only saves time: a notification may be lost, so
// every reader also looks on a timer.
type Listener struct {
	dsn       string
	heard     map[string]func(payload string)
	logger    *slog.Logger
	connected atomic.Bool
}

// NewListener returns a listener to some channels of the database at a lib/pq URL. heard has what to call for each
// notification, by channel; it must not block. After a reconnect each is called once with an empty payload, since
// notifications may have been missed. Run it.
func NewListener(databaseURL string, heard map[string]func(payload string), logger *slog.Logger) (*Listener, error) {
	dsn, err := withSettings(databaseURL, RoleWorker)
	if err != nil {
		return nil, err
	}
	return &Listener{dsn: dsn, heard: heard, logger: logger}, nil
}

// Connected reports whether notifications can be heard now.
func (l *Listener) Connected() bool { return l.connected.Load() }

// Run listens until ctx ends, and reconnects by itself.
func (l *Listener) Run(ctx context.Context) error {
	listener := pq.NewDialListener(deadlineDialer{}, l.dsn, reconnectSoonest, reconnectLatest, func(kind pq.ListenerEventType, err error) {
		l.changed(ctx, kind, err)
	})
	defer l.connected.Store(false)
	// Listen waits for a connection however long; closing ends it.
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	// Beside the loop, because an answer only comes through when the notifications before it are taken.
	refused := make(chan error, 1)
	go func() { refused <- l.listen(listener) }()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-refused:
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return errors.Join(err, listener.Close())
			}
			l.all()
		case n, open := <-listener.Notify:
			switch {
			case !open:
				return nil
			case n == nil:
				l.all()
			default:
				if call := l.heard[n.Channel]; call != nil {
					call(n.Extra)
				}
			}
		case <-ping.C:
			go l.ping(ctx, listener) // beside the loop, as above
		}
	}
}

// listen asks for the channels. Once asked for, a channel is listened to after each reconnect too.
func (l *Listener) listen(listener *pq.Listener) error {
	for channel := range l.heard {
		if err := listener.Listen(channel); err != nil {
			return fmt.Errorf("listen to %s: %w", channel, err)
		}
	}
	return nil
}

// ping finds out whether the connection is alive; if not, the listener reconnects.
func (l *Listener) ping(ctx context.Context, listener *pq.Listener) {
	// lib/pq panics when the server answers a ping with an error, as it does when somebody cancels the backend.
	defer func() {
		if r := recover(); r != nil {
			l.logger.WarnContext(ctx, "the ping of the connection that hears of new events was refused", "error", r)
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
			l.logger.WarnContext(ctx, "lost the connection that hears of new events; readers look on their timers", "error", err)
		}
	case pq.ListenerEventConnectionAttemptFailed:
		if ctx.Err() == nil {
			l.logger.WarnContext(ctx, "cannot connect to hear of new events", "error", err)
		}
	}
}
