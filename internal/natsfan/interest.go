package natsfan

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"
)

// interest counts who watches what on this replica, by the topic that it is sent to.
type interest struct {
	mu       sync.Mutex
	watchers map[string]int
	// signal has one slot: who is woken looks at everything.
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

// any reports whether anybody watches anything.
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

// wanted is the subjects to subscribe to. Who gets everything needs no part of it, and who watches anything needs the
// feed, to know what it has.
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

// subscriptions are those at NATS. They belong to Run.
type subscriptions struct {
	fan  *Fan
	open map[string]*nats.Subscription
}

// follow makes them what is wanted: first the new ones, so that nothing is missed that both the old and the new cover.
func (s *subscriptions) follow(ctx context.Context) {
	wanted := s.fan.interest.wanted(s.fan.prefix.Load())
	for subject := range wanted {
		if have := s.open[subject]; have != nil && have.IsValid() {
			continue
		}
		// One channel for all, so that what comes over one connection stays in order.
		sub, err := s.fan.conn.ChanSubscribe(subject, s.fan.incoming)
		if err != nil {
			s.fan.logger.WarnContext(ctx, "cannot subscribe at NATS; this replica reads the log", "subject", subject, "error", err)
			continue
		}
		s.open[subject] = sub
	}
	for subject, sub := range s.open {
		if !wanted[subject] {
			delete(s.open, subject)
			_ = sub.Unsubscribe() // fails when the connection is closed, and with it the subscription
		}
	}
}
