package event_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stream"
)

// TestOrderUnderWriters subscribes to orders while two replicas write them: at once, with an old cursor, and with the last
// cursor after leaving midway. Each subscriber must get every version once and in order.
func TestOrderUnderWriters(t *testing.T) {
	t.Parallel()
	const orders, versions, subscribers = 40, 12, 6
	a := start(t, event.Config{PageSize: 4, PollInterval: 20 * time.Millisecond})
	b := join(t, a.url, event.Config{PageSize: 4, PollInterval: 20 * time.Millisecond})
	var all sync.WaitGroup
	for n := range orders {
		random := rand.New(rand.NewPCG(2, uint64(n)))
		head := a.place(ada).Order.Head
		all.Go(func() { writeAndPublish(random, head, versions, a, b) })
		for s := range subscribers {
			random := rand.New(rand.NewPCG(uint64(n), uint64(s)))
			all.Go(func() {
				if err := follow(random, head.ID, versions, a, b); err != nil {
					t.Error(err)
				}
			})
		}
		if n%4 == 3 {
			all.Wait()
		}
	}
	all.Wait()
}

// writeAndPublish writes versions 2 to n, each on one of the replicas, which publishes it at once, late, twice or never.
func writeAndPublish(random *rand.Rand, head *order.Head, n int, replicas ...*replica) {
	var late sync.WaitGroup
	for range n - 1 {
		r := replicas[random.IntN(len(replicas))]
		e := r.advance(head)
		switch random.IntN(4) {
		case 0:
			r.publish(e)
		case 1:
			late.Go(func() { r.publish(e) })
		case 2:
			r.publish(e, e)
		case 3:
			r.sequencer.Wake()
		}
	}
	late.Wait()
}

// follow subscribes, leaves and resumes at random until it has version n.
func follow(random *rand.Rand, orderID id.Order, n int, replicas ...*replica) error {
	cursor, last := "", 0
	if random.IntN(2) == 0 {
		cursor = oldOrderCursor(orderID, 0)
	}
	for last < n {
		sub, err := replicas[random.IntN(len(replicas))].hub.WatchOrder(context.Background(), ada, orderID, cursor)
		if err != nil {
			return err
		}
		for range 1 + random.IntN(n) {
			u, err := nextOrError(sub)
			if err != nil {
				return fmt.Errorf("after version %d: %w", last, err)
			}
			fits := u.Kind == event.Happened && u.Order.Version == last+1
			if u.Kind == event.Snapshot {
				fits = last == 0
			}
			if !fits {
				return fmt.Errorf("%s of version %d after version %d", u.Kind, u.Order.Version, last)
			}
			cursor, last = u.Cursor, u.Order.Version
			if last == n {
				break
			}
		}
		sub.Close()
	}
	return nil
}

// TestFeedUnderWriters does the same for the feed. Staff must get every position, a customer all of their events.
func TestFeedUnderWriters(t *testing.T) {
	t.Parallel()
	const orders, versions = 60, 6
	a := start(t, event.Config{PageSize: 7, QueueLimit: 16, PollInterval: 20 * time.Millisecond})
	b := join(t, a.url, event.Config{PageSize: 7, QueueLimit: 16, PollInterval: 20 * time.Millisecond})
	var all sync.WaitGroup
	for s := range 12 {
		random := rand.New(rand.NewPCG(3, uint64(s)))
		p, want := staff, 2*orders*versions
		if s%2 == 0 {
			p, want = ada, orders*versions
		}
		all.Go(func() {
			if err := followFeed(random, p, want, a, b); err != nil {
				t.Errorf("subscriber %d: %v", s, err)
			}
		})
	}
	for w, p := range []auth.Principal{ada, grace} {
		for half := range 2 {
			random := rand.New(rand.NewPCG(uint64(w), uint64(half)))
			all.Go(func() {
				for range orders / 2 {
					e := a.place(p)
					a.publish(e)
					writeAndPublish(random, e.Order.Head, versions, a, b)
				}
			})
		}
	}
	all.Wait()
}

// followFeed reads the feed from its beginning until it has n events.
func followFeed(random *rand.Rand, p auth.Principal, n int, replicas ...*replica) error {
	at, position := oldFeedCursor(0), int64(0)
	versions := map[id.Order]int{}
	var full *stream.SlowConsumerError
	for got := 0; got < n; {
		sub, err := replicas[random.IntN(len(replicas))].hub.WatchFeed(context.Background(), p, event.Filter{}, at)
		if err != nil {
			return err
		}
		for range 1 + random.IntN(n) {
			u, err := nextOrError(sub)
			if errors.As(err, &full) {
				break // the small queue was full: resume
			}
			if err != nil {
				return fmt.Errorf("after %d of %d events: %w", got, n, err)
			}
			c, err := event.ParseFeed(u.Cursor)
			if err != nil {
				return err
			}
			id := u.Order.ID
			switch {
			case u.Kind != event.Happened:
				return fmt.Errorf("%s in the middle", u.Kind)
			case !p.CanSee(u.Order.CustomerID):
				return errors.New("another customer's event")
			case c.Position <= position, p.Staff() && c.Position != position+1:
				return fmt.Errorf("position %d after %d", c.Position, position)
			case u.Order.Version != versions[id]+1:
				return fmt.Errorf("version %d after %d", u.Order.Version, versions[id])
			}
			at, position, versions[id] = u.Cursor, c.Position, u.Order.Version
			if got++; got == n {
				break
			}
		}
		sub.Close()
	}
	return nil
}
