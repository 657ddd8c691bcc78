package graph

import (
	"context"
	"slices"
	"sync"
)

// batches is a data loader: it loads the values of all keys that were expected together by one call of fetch, when the first of them is
// loaded. The caller of expect says which keys belong together, no timer does. So the number of statements follows from the query's shape
// alone, and no load waits for a batch to fill.
type batches[K comparable, V any] struct {
	fetch func(ctx context.Context, keys []K) (map[K]V, error)

	mu    sync.Mutex
	byKey map[K]*batch[K, V]
}

type batch[K comparable, V any] struct {
	keys []K
	// ready sets values and err, once.
	ready  sync.Once
	values map[K]V
	err    error
}

// expect makes one batch of those keys that are in no batch yet.
func (b *batches[K, V]) expect(keys ...K) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byKey == nil {
		b.byKey = map[K]*batch[K, V]{}
	}
	next := &batch[K, V]{}
	for _, key := range keys {
		if b.byKey[key] == nil {
			b.byKey[key] = next
			next.keys = append(next.keys, key)
		}
	}
}

// load returns the key's value, and false when fetch has not returned it. A key that was not expected is a batch of its own.
func (b *batches[K, V]) load(ctx context.Context, key K) (V, bool, error) {
	b.expect(key)
	b.mu.Lock()
	of := b.byKey[key]
	b.mu.Unlock()
	of.ready.Do(func() { of.values, of.err = b.fetch(ctx, slices.Clip(of.keys)) })
	value, ok := of.values[key]
	return value, ok, of.err
}
