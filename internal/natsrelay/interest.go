package natsrelay

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"
)

// interest counts the watchers on this replica, by topic.
type interest struct {
	mu       sync.Mutex
	watchers map[string]int
	// signal has one slot: its reader looks at everything when it is woken.
	signal chan struct{}
}

func newInterest() *interest {
	return &interest{watchers: map[string]int{}, signal: make(chan struct{}, 1)}
}

func (i *interest) add(topic string, by int) {
	i.mu.Lock()
	before := i.watchers[topic]
	if i.watchers[topic] += by; i.watchers[topic] == 0 {
		delete(i.watchers, topic)
	}
	after := i.watchers[topic]
	i.mu.Unlock()
	if (before == 0) != (after == 0) {
		i.changed()
	}
}

// any reports whether there are watchers.
func (i *interest) any() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.watchers) > 0
}

func (i *interest) changed() {
	select {
	case i.signal <- struct{}{}:
	default:
	}
}

// wanted returns the subjects to subscribe to. The subject of all events includes the others. Any watcher needs the feed
// too, because positions tell which events it has.
func (i *interest) wanted(prefix *string) map[string]bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	wanted := map[string]bool{}
	if prefix == nil || len(i.watchers) == 0 {
		return wanted
	}
	wanted[*prefix+feed] = true
	if i.watchers[everything] > 0 {
		wanted[*prefix+everything] = true
		return wanted
	}
	for topic := range i.watchers {
		wanted[*prefix+topic] = true
	}
	return wanted
}

// subscriptions are the open subscriptions at NATS. Only Run uses them.
type subscriptions struct {
	relay *Relay
	open  map[string]*nats.Subscription
}

// sync opens and closes subscriptions until they are the wanted ones. It opens the new ones first, so that nothing is missed
// in between.
func (s *subscriptions) sync(ctx context.Context) {
	wanted := s.relay.interest.wanted(s.relay.prefix.Load())
	for subject := range wanted {
		if have := s.open[subject]; have != nil && have.IsValid() {
			continue
		}
		// All share one channel, so that the messages of a connection stay in order.
		sub, err := s.relay.conn.ChanSubscribe(subject, s.relay.incoming)
		if err != nil {
			s.relay.logger.WarnContext(ctx, "subscribing at NATS failed; reading the log", "subject", subject, "error", err)
			continue
		}
		s.open[subject] = sub
	}
	for subject, sub := range s.open {
		if !wanted[subject] {
			delete(s.open, subject)
			_ = sub.Unsubscribe() // it fails only if the connection, and so the subscription, is closed
		}
	}
}
