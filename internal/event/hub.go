// Package event turns the log into subscriptions. The Sequencer gives every committed event its position in the feed;
// the Hub keeps the subscribers of this process and hands them what they may see, in order, without gap or duplicate.
//
// Everything rests on the log. What a commit in this process publishes, and what a NOTIFY says, only saves time: a
// subscriber knows which version or position it has, so what comes twice is dropped and what is missing is read.
package event

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/order"
)

// Config of a Hub. A zero field takes the default.
type Config struct {
	// QueueLimit is how many items wait for one subscriber before it counts as slow: 256.
	QueueLimit int
	// CheckpointInterval is after how long a quiet feed gets a fresh cursor: 30 s.
	CheckpointInterval time.Duration
	// PollInterval is how often the log is read when nothing says that it has grown: 1 s.
	PollInterval time.Duration
	// PageSize is how many events one statement reads: 256.
	PageSize int
	// Relay carries events and feed between replicas; nil: each reads the log for itself.
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

	// mu is held only for memory, never while something is read. Inboxes have locks of their own, taken after mu.
	mu sync.RWMutex
	// loaded: epoch and position are known.
	loaded bool
	epoch  int64
	place  Place // of the last feed row that was handed on
	// instance is the database server that was last read from.
	instance string
	// behind: the feed has grown beyond place, and nothing was read because nobody watched.
	behind bool
	// orders has, for each order that is watched, the first of its watches, which are linked.
	orders map[uuid.UUID]*orderWatch
	// feeds by whose orders they show.
	feeds map[Scope]map[*feedWatch]struct{}

	subscribers atomic.Int64
	recent      *recent
	signal      chan struct{}
	// told is how far the feed is said to go, grown that it has become more.
	told     atomic.Int64
	grown    chan struct{}
	batches  chan FeedBatch
	draining atomic.Bool
}

// NewHub returns a hub over the log. Run it.
func NewHub(log Log, cfg Config) *Hub {
	return &Hub{
		log:     log,
		cfg:     cfg.withDefaults(),
		orders:  map[uuid.UUID]*orderWatch{},
		feeds:   map[Scope]map[*feedWatch]struct{}{},
		recent:  newRecent(recentEvents),
		signal:  make(chan struct{}, 1),
		grown:   make(chan struct{}, 1),
		batches: make(chan FeedBatch, waitingBatches),
	}
}

// Publish hands events that were just committed, by this process or another, to those who watch their orders. It only looks at
// memory. It may be called in any order and more than once for an event; feeds get the events from Run.
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
			h.recent.add(e)
		}
		if first == nil {
			continue
		}
		u := orderUpdate(h.epoch, e)
		for w := first; w != nil; w = w.next {
			if w.inbox.putNewer(u) {
				w.inbox.wake()
			}
		}
	}
}

// asLogged returns the event as the log would give it back: what stays out of the log must not get out this way either.
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

// Wake says that the feed may have grown. It does not block.
func (h *Hub) Wake() { poke(h.signal) }

// Grew says that the feed goes up to a position, which the hub then need not read when it has it already, or when nobody
// watches. It does not block.
func (h *Hub) Grew(position int64) {
	for told := h.told.Load(); position > told; told = h.told.Load() {
		if h.told.CompareAndSwap(told, position) {
			poke(h.grown)
			return
		}
	}
}

// Position is how far the hub has handed the feed on, or knows it to go while nobody watches.
func (h *Hub) Position() int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.behind {
		return max(h.place.Position, h.told.Load())
	}
	return h.place.Position
}

// Subscribers is how many subscriptions are open.
func (h *Hub) Subscribers() int { return int(h.subscribers.Load()) }

// Drain ends every subscription with stream.ErrDraining as soon as what is queued for it was handed out.
func (h *Hub) Drain() {
	h.draining.Store(true)
	// Who subscribes from now on finds it set.
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, first := range h.orders {
		for w := first; w != nil; w = w.next {
			w.inbox.wake()
		}
	}
	for _, watches := range h.feeds {
		for w := range watches {
			w.inbox.wake()
		}
	}
}

func (h *Hub) isDraining() bool { return h.draining.Load() }

// load learns where the log stands, where that is not known: at first, and when the feed has grown while nobody watched.
func (h *Hub) load(ctx context.Context) error {
	if h.knows() {
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
		h.served(extent.Instance)
	case h.behind && !h.watched() && extent.Epoch == h.epoch && extent.Last.Position >= h.place.Position:
		h.place, h.behind = extent.Last, false
	}
	return nil
}

// knows reports whether the hub knows where the log stands, or is about to read it.
func (h *Hub) knows() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.loaded && (!h.behind || h.watched())
}

// watched reports whether anybody watches. The lock is held.
func (h *Hub) watched() bool { return len(h.orders)+len(h.feeds) > 0 }

// follows has Run read what the feed has grown by since the first subscriber asked where it stands. The lock is held.
func (h *Hub) follows() {
	if h.behind {
		h.behind = false
		poke(h.signal)
	}
}

// served notes which database server the hub reads from. When it is another one, what it has of the watched orders is
// asked for: of what was lost with the former server the feed need not show anything, because an event is handed to the
// subscribers of its order before it has a position. The lock is held.
func (h *Hub) served(instance string) {
	if h.instance == instance {
		return
	}
	first := h.instance == ""
	h.instance = instance
	h.cfg.Relay.Serves(instance, h.epoch)
	if first {
		return
	}
	for _, watch := range h.orders {
		for w := watch; w != nil; w = w.next {
			w.inbox.doubt()
		}
	}
}

// unavailable turns a failure of the log into what a client may see, and leaves faults and the context's errors alone.
func unavailable(err error) error {
	if isFaultOrContext(err) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "The event log does not answer now; try again.")
}

func isFaultOrContext(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
