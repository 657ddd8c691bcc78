package product

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// readers read at the same time; who comes meanwhile waits for the next reading.
	readers = 2
	// readTimeout ends a reading that the store does not answer.
	readTimeout = 25 * time.Second
)

// together reads for many callers at once: under load each order that is placed asks for prices, often the same. A reading
// begins after all its callers have asked, so nobody gets what was true before; a lone caller waits for nothing.
type together struct {
	read func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Product, error)

	mu      sync.Mutex
	reading int
	next    *reading // who waits; nil: nobody
}

// reading is one statement's worth of callers.
type reading struct {
	ids   []uuid.UUID
	found map[uuid.UUID]*Product
	err   error
	done  chan struct{}
}

// get returns what exists of the ids.
func (t *together) get(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Product, error) {
	t.mu.Lock()
	if t.next == nil {
		t.next = &reading{done: make(chan struct{})}
	}
	r := t.next
	r.ids = append(r.ids, ids...)
	if t.reading < readers {
		t.reading++
		go t.work()
	}
	t.mu.Unlock()
	select {
	case <-r.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if r.err != nil {
		return nil, r.err
	}
	found := make(map[uuid.UUID]*Product, len(ids))
	for _, id := range ids {
		if p, ok := r.found[id]; ok {
			found[id] = p
		}
	}
	return found, nil
}

// work reads until nobody waits.
func (t *together) work() {
	for {
		t.mu.Lock()
		r := t.next
		t.next = nil
		if r == nil {
			t.reading--
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
		t.settle(r)
	}
}

// settle reads for all its callers: none of them can end it for the others.
func (t *together) settle(r *reading) {
	defer close(r.done)
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	slices.SortFunc(r.ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	r.found, r.err = t.read(ctx, slices.Compact(r.ids))
}
