package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// subscribe starts all subscribers; wg waits for them to end, with ctx.
func (r *run) subscribe(ctx context.Context, wg *sync.WaitGroup) {
	for i := range r.cfg.Subscribers {
		if i%4 == 0 {
			wg.Go(func() { r.watchOrders(ctx, r.random(3, i), i) })
			continue
		}
		wg.Go(func() { r.watchFeed(ctx, r.random(4, i), i) })
	}
}

// add makes a subscriber whose history will be checked.
func (r *run) add(s *subscriber) *subscriber {
	s.run = r
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subscribers = append(r.subscribers, s)
	return s
}

// refused reports a refusal that had no reason.
func (r *run) refused(s *subscriber, codes string) {
	if codes != "" {
		r.report(Finding{Subscriber: s.history.Subscriber, Kind: Refused, Item: len(s.history.Entries), Detail: codes})
	}
}

// watchFeed is one subscriber for the whole run: a customer's feed, one of staff's, or a narrowed one.
func (r *run) watchFeed(ctx context.Context, rng *rand.Rand, n int) {
	s := &subscriber{rng: rng, token: r.staff.token, stock: rng.IntN(10) == 0}
	w := &s.history.Watch
	switch who := r.customers[rng.IntN(len(r.customers))]; {
	case rng.IntN(6) > 0:
		w.Viewer, s.token = who.id, who.token
	case rng.IntN(3) == 0:
		w.Customer = who.id
	}
	switch rng.IntN(4) {
	case 0:
		w.Statuses = some(rng, []string{"CREATED", "CONFIRMED", "DELIVERED", "CANCELLING", "CANCELLED"})
	case 1:
		w.Types = some(rng, []string{
			"ORDER_CREATED", "PAYMENT_PROCESSING", "PAYMENT_AUTHORIZED", "PAYMENT_CONFIRMED", "PAYMENT_DECLINED",
			"PAYMENT_VOIDED", "ORDER_DELIVERED", "ORDER_CANCELLING", "ORDER_CANCELLED", "REFUND_CREATED", "REFUND_SUCCEEDED",
		})
	}
	if r.cfg.Tamper != nil {
		s.tamper = r.cfg.Tamper(n)
		if s.tamper != nil {
			// An unnarrowed feed of everything that resumes: something comes, whatever the seed.
			s.stock, s.history.Watch, s.token = false, Watch{}, r.staff.token
		}
	}
	s.history.Subscriber = FeedSubscriber(n, viewerName(w))
	r.refused(r.add(s), s.watch(ctx))
}

// FeedSubscriber returns the name of the n-th feed subscriber in findings. viewer is a customer's id or "staff".
func FeedSubscriber(n int, viewer string) string { return fmt.Sprintf("feed %d of %s", n, viewer) }

func viewerName(w *Watch) string {
	if w.Viewer == "" {
		return "staff"
	}
	return w.Viewer
}

// some of the values, one at least.
func some(rng *rand.Rand, values []string) []string {
	values = slices.Clone(values)
	rng.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	return values[:1+rng.IntN(len(values))]
}

// watchOrders watches one order after the other: to its end, or beyond it until the run ends. Now and then it is
// somebody who must not see the order, and must be refused.
func (r *run) watchOrders(ctx context.Context, rng *rand.Rand, n int) {
	for i := 0; ; i++ {
		var order placed
		select {
		case <-ctx.Done():
			return
		case order = <-r.orders:
		}
		if r.isCalm() {
			return // who comes now would not be waited for
		}
		s := &subscriber{rng: rng, token: r.staff.token, stock: rng.IntN(10) == 0}
		s.history.Watch = Watch{OrderID: order.id}
		who := order.owner
		if rng.IntN(20) == 0 {
			who = r.customers[rng.IntN(len(r.customers))]
		}
		if rng.IntN(4) > 0 {
			s.history.Watch.Viewer, s.token = who.id, who.token
		}
		if rng.IntN(20) > 0 {
			s.until = func(item Item) bool { return item.Order != nil && final(item.Order.Status) }
		}
		s.history.Subscriber = fmt.Sprintf("watcher %d of order %d by %s", n, i, viewerName(&s.history.Watch))
		if s.token != r.staff.token && who != order.owner {
			s.stock = false
			s.run = r
			if codes := s.watch(ctx); codes != "NOT_FOUND" && ctx.Err() == nil {
				r.report(Finding{Subscriber: s.history.Subscriber, Kind: Foreign, Item: -1, Detail: fmt.Sprintf("got %d items and %q", len(s.history.Entries), codes)})
			}
			continue
		}
		r.refused(r.add(s), s.watch(ctx))
	}
}
