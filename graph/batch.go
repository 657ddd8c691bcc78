package graph

import (
	"context"
	"slices"
	"sync"
)

// batches loads values by key with one call of fetch for all keys that were expected together, when the first of them is
// asked for. Who expects says which keys belong together, so that no clock decides what a batch is: the number of
// statements follows from the query's shape alone, and nobody waits for a batch to fill.
type batches[K comparable, V any] struct {
	fetch func(ctx context.Context, keys []K) (map[K]V, error)

	mu    sync.Mutex
	byKey map[K]*batch[K, V]
}

type batch[K comparable, V any] struct {
	keys []K
	// ready guards values and err, which it sets.
	ready  sync.Once
	values map[K]V
	err    error
}

// expect makes one batch of the keys that no batch has yet.
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

// load returns the key's value, with false when fetch did not return it. A key that was not expected is loaded alone.
func (b *batches[K, V]) load(ctx context.Context, key K) (V, bool, error) {
	b.expect(key)
	b.mu.Lock()
	of := b.byKey[key]
	b.mu.Unlock()
	of.ready.Do(func() { of.values, of.err = b.fetch(ctx, slices.Clip(of.keys)) })
	value, ok := of.values[key]
	return value, ok, of.err
}
