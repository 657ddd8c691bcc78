// Package natsfan carries events and the feed between replicas over NATS, by interest: a replica gets only what its
// subscribers watch, and need not read that from the database.
//
// NATS promises nothing here and need not: core NATS, no streams. Every replica knows which version and position it has,
// drops what comes twice, and reads the log when something is missing, when NATS is away, and on its timer.
package natsfan

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

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/order"
)

const (
	// outgoingLimit is how many messages wait to be sent. What is beyond is left out: the others read it from the log.
	outgoingLimit = 4096
	// incomingLimit is how many received messages wait. NATS drops what is beyond and says so.
	incomingLimit = 8192
	// reconnectWait between attempts to reach NATS, which never end.
	reconnectWait = 500 * time.Millisecond
	// grace is how long after NOTIFY the same may still come over NATS.
	grace = 50 * time.Millisecond
)

// Config of a Fan.
type Config struct {
	// URL of NATS, nats://host:port; several are separated by commas.
	URL string
	// Name of this replica as NATS shows it.
	Name string
	// Deployment keeps apart what shares one NATS: the replicas of one database have the same, others another one. It is
	// part of the subjects, so letters and digits only. Copies of a database are told apart by SetLog.
	Deployment string
	// Leads says whether this replica gives the positions.
	Leads  func() bool
	Logger *slog.Logger
}

// Fan is one replica's connection to the others. It implements event.Relay. Its methods may be called concurrently; none
// but Run blocks.
type Fan struct {
	conn       *nats.Conn
	deployment string
	// prefix of the names of the log that this replica reads; nil before it has read any.
	prefix atomic.Pointer[string]
	leads  func() bool
	logger *slog.Logger

	hub      *event.Hub
	interest *interest
	outgoing chan func() (topic string, body []byte, err error)
	incoming chan *nats.Msg
	doubts   chan struct{}
}

// Connect begins to connect and returns at once: a NATS that is away is tried again for ever, and meanwhile the log does
// everything. An error means that the URL is wrong. Run it, with a hub that has the Fan as its relay. Close it.
func Connect(cfg Config) (*Fan, error) {
	f := &Fan{
		deployment: cfg.Deployment,
		leads:      cfg.Leads,
		logger:     cfg.Logger,
		interest:   newInterest(),
		outgoing:   make(chan func() (string, []byte, error), outgoingLimit),
		incoming:   make(chan *nats.Msg, incomingLimit),
		doubts:     make(chan struct{}, 1),
	}
	var err error
	f.conn, err = nats.Connect(cfg.URL,
		nats.Name(cfg.Name), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		// Nothing is kept for later while NATS is away: the others have read it from the log by then.
		nats.ReconnectBufSize(-1),
		// What this replica has sent it has already.
		nats.NoEcho(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				f.logger.Warn("lost NATS; this replica reads the log", "error", err)
			}
			f.lost()
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			f.logger.Info("NATS is back")
			f.lost()
		}),
		// A slow consumer, or a subscription that is not permitted.
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			f.logger.Warn("NATS did not deliver everything; this replica reads the log", "error", err)
			f.interest.changed()
			f.lost()
		}),
	)
	var bad *url.Error
	if errors.As(err, &bad) {
		err = bad.Err // without the URL, which may hold a password
	}
	if err != nil {
		return nil, fmt.Errorf("NATS_URL: %w", err)
	}
	return f, nil
}

// Attach says for which hub the Fan works. Call it once, before Run.
func (f *Fan) Attach(hub *event.Hub) { f.hub = hub }

// Connected reports whether NATS carries something now.
func (f *Fan) Connected() bool { return f.conn.IsConnected() }

// Close ends the connection.
func (f *Fan) Close() { f.conn.Close() }

// Notified is called with what NOTIFY says: how far the feed goes, "" when that is not known. The replica that leads has
// to look at once, since it reads for the others. The others look if NATS has not brought it soon after.
func (f *Fan) Notified(payload string) {
	position, err := strconv.ParseInt(payload, 10, 64)
	switch {
	case err != nil:
		f.hub.Wake()
	case f.leads() || !f.Connected():
		f.hub.Grew(position)
	default:
		time.AfterFunc(grace, func() {
			if f.interest.any() {
				f.hub.Grew(position)
			}
		})
	}
}

// lost makes the hub read the log.
func (f *Fan) lost() {
	select {
	case f.doubts <- struct{}{}:
	default:
	}
}

// OrderWatched implements event.Relay.
func (f *Fan) OrderWatched(orderID uuid.UUID, by int) {
	f.interest.add(ofBucket(orderID), by)
}

// FeedWatched implements event.Relay.
func (f *Fan) FeedWatched(scope event.Scope, by int) {
	if scope == event.Everybody {
		f.interest.add(everything, by)
		return
	}
	f.interest.add(ofCustomer(scope.UUID), by)
}

// SetLog implements event.Relay. What others send under another name from now on is another log's.
func (f *Fan) SetLog(instance string, epoch int64) {
	prefix := prefixOf(f.deployment, instance, epoch)
	if had := f.prefix.Swap(&prefix); had == nil || *had != prefix {
		f.interest.changed()
	}
}

// Leads implements event.Relay.
func (f *Fan) Leads() bool { return f.leads() }

// Publish sends events that this replica has committed. It must be called before the sequencer is told of them, so that
// they are there before their positions.
func (f *Fan) Publish(events []order.Event) {
	for i := range events {
		e := &events[i]
		f.enqueue(func() (string, []byte, error) {
			body, err := encodeEvent(e)
			return topicOf(e), body, err
		})
	}
}

// Relay implements event.Relay.
func (f *Fan) Relay(b event.FeedBatch) {
	f.enqueue(func() (string, []byte, error) {
		body, err := encodeBatch(b)
		return feed, body, err
	})
}

func (f *Fan) enqueue(message func() (string, []byte, error)) {
	select {
	case f.outgoing <- message:
	default: // the log has it
	}
}

// Run sends, receives and follows the interest until ctx ends.
func (f *Fan) Run(ctx context.Context) error {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		f.send(ctx)
	}()
	defer func() { <-sent }()
	subscriptions := subscriptions{fan: f, open: map[string]*nats.Subscription{}}
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-f.incoming:
			f.receive(ctx, m)
		case <-f.interest.signal:
			subscriptions.follow(ctx)
		case <-f.doubts:
			f.hub.Wake()
		}
	}
}

func (f *Fan) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case message := <-f.outgoing:
			prefix := f.prefix.Load()
			if prefix == nil || !f.Connected() {
				continue
			}
			topic, body, err := message()
			if err == nil {
				err = f.conn.Publish(*prefix+topic, body)
			}
			if err != nil {
				f.logger.WarnContext(ctx, "an event was not sent to the other replicas; they read it from the log", "error", err)
			}
		}
	}
}

func (f *Fan) receive(ctx context.Context, m *nats.Msg) {
	prefix := f.prefix.Load()
	if prefix == nil {
		return
	}
	topic, ours := strings.CutPrefix(m.Subject, *prefix)
	if !ours {
		return // of the log that this replica read before
	}
	var err error
	if topic == feed {
		var b event.FeedBatch
		if b, err = decodeBatch(m.Data); err == nil {
			f.hub.ReceiveBatch(b)
		}
	} else {
		var e order.Event
		if e, err = decodeEvent(m.Data); err == nil {
			f.hub.Publish([]order.Event{e})
		}
	}
	if err != nil {
		f.logger.WarnContext(ctx, "a message of another replica cannot be read; this replica reads the log", "subject", m.Subject, "error", err)
		f.hub.Wake()
	}
}
