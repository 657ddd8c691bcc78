// Package event turns the event log into subscriptions. The Sequencer assigns each committed event its position in the feed.
// The Hub holds the subscriptions of this process and delivers the events that each may see: in order, without gap and
// without duplicate.
//
// The problem: a notification may be lost, repeated or late, and a subscriber must still get each event exactly once. So
// only the log is trusted. What a commit in this process publishes and what NOTIFY announces are hints that save time.
// Invariant: each subscription knows its last version or position, drops what is not later, and reads a gap from the log.
package event

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// Config has the settings of a Hub. A zero field takes the default given.
type Config struct {
	// QueueLimit bounds the items queued for one subscriber; above it, the subscriber is a slow consumer. 256.
	QueueLimit int
	// CheckpointInterval is the time after which a quiet feed gets a fresh cursor. 30 s.
	CheckpointInterval time.Duration
	// PollInterval is the time between reads of the log when no notification comes. 1 s.
	PollInterval time.Duration
	// PageSize bounds the events that one statement reads. 256.
	PageSize int
	// Relay carries events and feed rows between replicas. Nil: each replica reads them from the log.
	Relay  Relay
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.QueueLimit == 0 {
		c.QueueLimit = 256
	}
	if c.CheckpointInterval == 0 {
		c.CheckpointInterval = 30 * time.Second
	}
	if c.PollInterval == 0 {
		c.PollInterval = time.Second
	}
	if c.PageSize == 0 {
		c.PageSize = 256
	}
	if c.Relay == nil {
		c.Relay = noRelay{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// errSlow marks a subscriber whose queue is full.
var errSlow = errors.New("slow consumer")

// Hub has the subscriptions of one process. Its methods may be called concurrently.
type Hub struct {
	log Log
	cfg Config

	// mu is never held during a read of the log. Subscriber queues have locks of their own, which are taken after mu.
	mu sync.RWMutex
	// loaded: epoch and place are known.
	loaded bool
	epoch  int64
	place  Place // of the last feed row delivered
	// instance is the running database server that the hub read from last.
	instance string
	// behind: the feed is longer than place, but was not read because there are no subscribers.
	behind bool
	// orders has the first watch of each watched order; the watches of an order are a linked list.
	orders map[id.Order]*orderWatch
	// feeds has the feed watches by scope.
	feeds map[Scope]map[*feedWatch]struct{}

	subscribers atomic.Int64
	cache       *eventCache
	signal      chan struct{}
	// announcedEnd is the highest position announced by Grew, and grown signals that it has risen.
	announcedEnd atomic.Int64
	grown        chan struct{}
	batches      chan FeedBatch
	draining     atomic.Bool
}

// NewHub returns a hub over the log. Run must be called for it to deliver feeds.
func NewHub(log Log, cfg Config) *Hub {
	return &Hub{
		log:     log,
		cfg:     cfg.withDefaults(),
		orders:  map[id.Order]*orderWatch{},
		feeds:   map[Scope]map[*feedWatch]struct{}{},
		cache:   newEventCache(cachedEvents),
		signal:  make(chan struct{}, 1),
		grown:   make(chan struct{}, 1),
		batches: make(chan FeedBatch, maxQueuedBatches),
	}
}

// Publish delivers committed events, of this process or another, to the subscribers of their orders. It does not read the
// log. Events may come in any order and more than once. Feed subscribers get them from Run, in the order of positions.
func (h *Hub) Publish(events []order.Event) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for i := range events {
		first := h.orders[events[i].Order.ID]
		if first == nil && len(h.feeds) == 0 {
			continue
		}
		e := asLogged(&events[i])
		if len(h.feeds) > 0 {
			h.cache.add(e)
		}
		if first == nil {
			continue
		}
		u := orderUpdate(h.epoch, e)
		for w := first; w != nil; w = w.next {
			if w.queue.putNewer(u) {
				w.queue.wake()
			}
		}
	}
}

// asLogged returns the event as the log would return it: data that the log leaves out must not leak on this path either.
func asLogged(e *order.Event) *order.Event {
	logged := *e
	o := &order.Order{Head: e.Order.Head, State: e.Order.State}
	o.Payments = append(o.Payments[:0:0], o.Payments...)
	for i := range o.Payments {
		o.Payments[i].Method = ""
		o.Payments[i].NextAction = nil
	}
	logged.Order = o
	return &logged
}

// Wake makes Run read the log, because the feed may have grown. It does not block.
func (h *Hub) Wake() { poke(h.signal) }

// Grew announces the feed's new end. Nothing is read if the hub has it already or nobody subscribes. It does not block.
func (h *Hub) Grew(position int64) {
	for announced := h.announcedEnd.Load(); position > announced; announced = h.announcedEnd.Load() {
		if h.announcedEnd.CompareAndSwap(announced, position) {
			poke(h.grown)
			return
		}
	}
}

// Position returns the position up to which the hub has delivered the feed. Without subscribers it is the highest one known.
func (h *Hub) Position() int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.behind {
		return max(h.place.Position, h.announcedEnd.Load())
	}
	return h.place.Position
}

// Subscribers returns the number of open subscriptions.
func (h *Hub) Subscribers() int { return int(h.subscribers.Load()) }

// Drain ends every subscription with stream.ErrDraining once its queued items are handed out.
func (h *Hub) Drain() {
	h.draining.Store(true)
	// Subscriptions opened after this point check the flag themselves.
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, first := range h.orders {
		for w := first; w != nil; w = w.next {
			w.queue.wake()
		}
	}
	for _, watches := range h.feeds {
		for w := range watches {
			w.queue.wake()
		}
	}
}

func (h *Hub) isDraining() bool { return h.draining.Load() }

// loadExtent reads the end of the feed where the hub does not know it: at first, and after the feed has grown without
// subscribers.
func (h *Hub) loadExtent(ctx context.Context) error {
	if h.knowsExtent() {
		return nil
	}
	extent, err := h.log.Extent(ctx, 0)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !h.loaded:
		h.loaded, h.epoch, h.place = true, extent.Epoch, extent.Last
		h.setInstance(extent.Instance)
	case h.behind && !h.watched() && extent.Epoch == h.epoch && extent.Last.Position >= h.place.Position:
		h.place, h.behind = extent.Last, false
	}
	return nil
}

// knowsExtent reports whether the hub knows the end of the feed or is about to read it.
func (h *Hub) knowsExtent() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.loaded && (!h.behind || h.watched())
}

// watched reports whether there are subscribers. The hub's lock is held.
func (h *Hub) watched() bool { return len(h.orders)+len(h.feeds) > 0 }

// stopSkipping makes Run read the feed again, beginning where the hub had stopped reading it for lack of subscribers. The
// hub's lock is held.
func (h *Hub) stopSkipping() {
	if h.behind {
		h.behind = false
		poke(h.signal)
	}
}

// setInstance records the database server that the hub reads from. On another server, events that subscribers already have
// may be lost, because an event is published before it has a position. So each order's subscription verifies against the log
// what it has handed out. The hub's lock is held.
func (h *Hub) setInstance(instance string) {
	if h.instance == instance {
		return
	}
	first := h.instance == ""
	h.instance = instance
	h.cfg.Relay.SetLog(instance, h.epoch)
	if first {
		return
	}
	for _, watch := range h.orders {
		for w := watch; w != nil; w = w.next {
			w.queue.requireVerification()
		}
	}
}

// unavailable wraps an error of the log as UNAVAILABLE, and leaves faults and the context's errors alone.
func unavailable(err error) error {
	if isFaultOrContext(err) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "The event log does not answer now: try again.")
}

func isFaultOrContext(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
