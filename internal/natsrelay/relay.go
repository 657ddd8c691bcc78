// Package natsrelay carries events and the feed between replicas over NATS, so that a replica need not read them from the
// database. Each replica subscribes only to what its own subscribers watch.
//
// Delivery is best effort: core NATS, without streams. Invariant: each replica knows its versions and positions, drops
// duplicates, and reads the log when something is missing, when NATS is unreachable, and on its timer.
package natsrelay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

const (
	// outgoingLimit bounds the messages that wait to be sent. Further ones are dropped: the other replicas read them from
	// the log.
	outgoingLimit = 4096
	// incomingLimit bounds the received messages that wait. NATS drops further ones and reports a slow consumer.
	incomingLimit = 8192
	// reconnectWait is the pause between attempts to reach NATS, which never end.
	reconnectWait = 500 * time.Millisecond
	// natsGrace is the time after a NOTIFY in which its message may still arrive over NATS.
	natsGrace = 50 * time.Millisecond
)

// Config has the settings of a Relay.
type Config struct {
	// URL is the URL of NATS, nats://host:port; several are separated by commas.
	URL string
	// Name is the name of this replica in NATS.
	Name string
	// Deployment separates the databases that share one NATS: all replicas of a database have the same value, and no others.
	// It is part of the subjects, so it may have only letters and digits. SetLog separates copies of a database.
	Deployment string
	// Leads reports whether this replica is the sequencer.
	Leads  func() bool
	Logger *slog.Logger
}

// Relay is one replica's connection to the others. It implements event.Relay. Its methods may be called concurrently, and
// only Run blocks.
type Relay struct {
	conn       *nats.Conn
	deployment string
	// prefix is the prefix of the subjects of the log that this replica reads; nil before the first read.
	prefix atomic.Pointer[string]
	leads  func() bool
	logger *slog.Logger

	interest *interest
	outgoing chan func() (topic string, body []byte, err error)
	incoming chan *nats.Msg
	resync   chan struct{}
}

// Connect starts to connect and returns at once. An unreachable NATS is retried for ever, and the log serves meanwhile. An
// error means that the URL is invalid. Use the Relay in the hub's Config, and start it with Run. The caller closes it.
func Connect(cfg Config) (*Relay, error) {
	r := &Relay{
		deployment: cfg.Deployment,
		leads:      cfg.Leads,
		logger:     cfg.Logger,
		interest:   newInterest(),
		outgoing:   make(chan func() (string, []byte, error), outgoingLimit),
		incoming:   make(chan *nats.Msg, incomingLimit),
		resync:     make(chan struct{}, 1),
	}
	var err error
	r.conn, err = nats.Connect(cfg.URL,
		nats.Name(cfg.Name), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		// Nothing is buffered while NATS is unreachable: the other replicas will have read it from the log by then.
		nats.ReconnectBufSize(-1),
		// This replica has its own messages already.
		nats.NoEcho(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				r.logger.Warn("NATS connection lost; reading events from the database", "error", err)
			}
			r.messagesLost()
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			r.logger.Info("reconnected to NATS")
			r.messagesLost()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrSlowConsumer) {
				r.logger.Warn("NATS dropped messages of a slow consumer; reading events from the database", "error", err)
			} else {
				r.logger.Warn("NATS refused a subscription; check its permissions", "error", err)
			}
			r.interest.changed()
			r.messagesLost()
		}),
	)
	var bad *url.Error
	if errors.As(err, &bad) {
		err = bad.Err // without the URL, which may contain a password
	}
	if err != nil {
		return nil, fmt.Errorf("NATS_URL: %w", err)
	}
	return r, nil
}

// Connected reports whether NATS is reachable.
func (r *Relay) Connected() bool { return r.conn.IsConnected() }

// Close closes the connection.
func (r *Relay) Close() { r.conn.Close() }

// Notified handles the payload of a NOTIFY: the feed's end, or "" when it is unknown. The leading replica reads the feed at
// once, because it reads for the others. The others read it only if its message does not arrive over NATS within natsGrace.
func (r *Relay) Notified(hub *event.Hub, payload string) {
	position, err := strconv.ParseInt(payload, 10, 64)
	switch {
	case err != nil:
		hub.Wake()
	case r.leads() || !r.Connected():
		hub.Grew(position)
	default:
		time.AfterFunc(natsGrace, func() {
			if r.interest.any() {
				hub.Grew(position)
			}
		})
	}
}

// messagesLost makes the hub read the log, because messages may have been lost.
func (r *Relay) messagesLost() {
	select {
	case r.resync <- struct{}{}:
	default:
	}
}

// OrderWatched implements event.Relay.
func (r *Relay) OrderWatched(orderID id.Order, by int) {
	r.interest.add(ofBucket(orderID), by)
}

// FeedWatched implements event.Relay.
func (r *Relay) FeedWatched(scope event.Scope, by int) {
	if scope == event.Everybody {
		r.interest.add(everything, by)
		return
	}
	r.interest.add(ofCustomer(scope.ID), by)
}

// SetLog implements event.Relay. Messages with another prefix belong to another log and are ignored from now on.
func (r *Relay) SetLog(instance string, epoch int64) {
	prefix := prefixOf(r.deployment, instance, epoch)
	if had := r.prefix.Swap(&prefix); had == nil || *had != prefix {
		r.interest.changed()
	}
}

// Leads implements event.Relay.
func (r *Relay) Leads() bool { return r.leads() }

// Publish sends events that this replica has committed. Call it before the sequencer is told of them, so that they arrive
// before their positions.
func (r *Relay) Publish(events []order.Event) {
	for i := range events {
		e := &events[i]
		r.enqueue(func() (string, []byte, error) {
			body, err := encodeEvent(e)
			return topicOf(e), body, err
		})
	}
}

// Relay implements event.Relay.
func (r *Relay) Relay(b event.FeedBatch) {
	r.enqueue(func() (string, []byte, error) {
		body, err := encodeBatch(b)
		return feed, body, err
	})
}

func (r *Relay) enqueue(message func() (string, []byte, error)) {
	select {
	case r.outgoing <- message:
	default: // the others read it from the log
	}
}

// Run sends, receives and keeps the subscriptions up to date, until ctx ends. hub is the one that has this Relay in its
// Config.
func (r *Relay) Run(ctx context.Context, hub *event.Hub) error {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		r.send(ctx)
	}()
	defer func() { <-sent }()
	subscriptions := subscriptions{relay: r, open: map[string]*nats.Subscription{}}
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-r.incoming:
			r.receive(ctx, hub, m)
		case <-r.interest.signal:
			subscriptions.sync(ctx)
		case <-r.resync:
			hub.Wake()
		}
	}
}

func (r *Relay) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case message := <-r.outgoing:
			prefix := r.prefix.Load()
			if prefix == nil || !r.Connected() {
				continue
			}
			topic, body, err := message()
			if err == nil {
				err = r.conn.Publish(*prefix+topic, body)
			}
			if err != nil {
				r.logger.WarnContext(ctx, "sending a message to the other replicas failed; they read the log", "error", err)
			}
		}
	}
}

func (r *Relay) receive(ctx context.Context, hub *event.Hub, m *nats.Msg) {
	prefix := r.prefix.Load()
	if prefix == nil {
		return
	}
	topic, ours := strings.CutPrefix(m.Subject, *prefix)
	if !ours {
		return // from the log that this replica read before
	}
	var err error
	if topic == feed {
		var b event.FeedBatch
		if b, err = decodeBatch(m.Data); err == nil {
			hub.ReceiveBatch(b)
		}
	} else {
		var e order.Event
		if e, err = decodeEvent(m.Data); err == nil {
			hub.Publish([]order.Event{e})
		}
	}
	if err != nil {
		r.logger.WarnContext(ctx, "decoding a message of another replica failed; reading the log", "subject", m.Subject, "error", err)
		hub.Wake()
	}
}
