package postgres

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

const (
	// pingEvery keeps the connection's read deadline from ending it, and finds out when it is dead.
	pingEvery = 10 * time.Second
	// reconnectMin and reconnectMax bound the pause between attempts to connect.
	reconnectMin = 100 * time.Millisecond
	reconnectMax = 5 * time.Second
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
	dsn, err := withSettings(databaseURL)
	if err != nil {
		return nil, err
	}
	return &Listener{dsn: dsn, heard: heard, logger: logger}, nil
}

// Connected reports whether notifications can be heard now.
func (l *Listener) Connected() bool { return l.connected.Load() }

// Run listens until ctx ends, and reconnects by itself.
func (l *Listener) Run(ctx context.Context) error {
	listener := pq.NewDialListener(deadlineDialer{}, l.dsn, reconnectMin, reconnectMax, func(kind pq.ListenerEventType, err error) {
		l.changed(ctx, kind, err)
	})
	defer l.connected.Store(false)
	// Listen below waits for a connection however long; closing ends it.
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for channel := range l.heard {
		// Once asked for, a channel is listened to after each reconnect too.
		if err := listener.Listen(channel); err != nil && !errors.Is(err, pq.ErrChannelAlreadyOpen) {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the end of ctx is how Run ends
			}
			return err
		}
	}
	l.all()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
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
			// In a goroutine of its own, because notifications must be taken for the answer to come through. A failure
			// closes the connection, and the listener reconnects.
			go func() { _ = listener.Ping() }()
		}
	}
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
