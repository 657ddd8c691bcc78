package naive

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/bench/naive/model"
	"github.com/orderwire/orderwire/internal/order"
)

// hub sends committed events to the channels that watch their order or their customer. Ids of both kinds share one map, so
// they are plain UUIDs here.
type hub struct {
	mu       sync.Mutex
	watchers map[uuid.UUID]map[*watcher]bool
}

// watcher is one subscriber's channel; gone is closed when it reads no more.
type watcher struct {
	events chan order.Event
	gone   chan struct{}
}

// watch registers a channel for the id of an order or a customer.
func (h *hub) watch(id uuid.UUID) *watcher {
	w := &watcher{events: make(chan order.Event, 16), gone: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers[id] == nil {
		h.watchers[id] = map[*watcher]bool{}
	}
	h.watchers[id][w] = true
	return w
}

func (h *hub) leave(id uuid.UUID, w *watcher) {
	close(w.gone)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers[id], w)
	if len(h.watchers[id]) == 0 {
		delete(h.watchers, id)
	}
}

// publish waits for a subscriber whose channel is full.
func (h *hub) publish(events []order.Event) {
	for _, e := range events {
		var to []*watcher
		h.mu.Lock()
		for _, id := range []uuid.UUID{uuid.UUID(e.OrderID()), uuid.UUID(e.Order.CustomerID)} {
			for w := range h.watchers[id] {
				to = append(to, w)
			}
		}
		h.mu.Unlock()
		for _, w := range to {
			select {
			case w.events <- e:
			case <-w.gone:
			}
		}
	}
}

// subscribe starts a goroutine that sends first and then the watcher's updates, until ctx ends. It leaves out updates that first
// already contains.
func (s *shop) subscribe(ctx context.Context, id uuid.UUID, w *watcher, first *model.OrderUpdate) <-chan *model.OrderUpdate {
	out := make(chan *model.OrderUpdate)
	go func() {
		defer close(out)
		defer s.hub.leave(id, w)
		for next := first; ; {
			select {
			case out <- next:
			case <-ctx.Done():
				return
			}
			for next = nil; next == nil; {
				select {
				case e := <-w.events:
					if first.Order == nil || e.Version > first.Order.Version {
						next = toUpdate(e)
					}
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}
