package product

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/orderwire/orderwire/internal/groupcommit"
	"github.com/orderwire/orderwire/internal/id"
)

const (
	// parallelReads is the number of batches read at the same time. The second one starts only when the first is delayed.
	parallelReads = 2
	// maxCallers is the largest number of callers in a batch.
	maxCallers = 128
	// readTimeout bounds the read of a batch.
	readTimeout = 25 * time.Second
)

type (
	byID = map[id.Product]*Product
	// batcher reads the products of concurrent callers in batches: under load each order that is placed asks for prices, often for
	// the same. A batch is read after all its callers have asked, so nobody gets an older state. A lone caller never waits.
	batcher = groupcommit.Group[[]id.Product, byID]
)

func newBatcher(read func(ctx context.Context, ids []id.Product) (byID, error)) *batcher {
	return groupcommit.New(parallelReads, maxCallers, func(calls []*groupcommit.Call[[]id.Product, byID]) {
		// No caller's context applies, because the end of one must not end the read of the others.
		ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
		defer cancel()
		asked := map[id.Product]struct{}{}
		for _, c := range calls {
			for _, id := range c.In {
				asked[id] = struct{}{}
			}
		}
		ids := slices.SortedFunc(maps.Keys(asked), func(a, b id.Product) int { return slices.Compare(a[:], b[:]) })
		all, err := read(ctx, ids)
		for _, c := range calls {
			c.Out, c.Err = byID{}, err
			for _, id := range c.In {
				if p, ok := all[id]; ok {
					c.Out[id] = p
				}
			}
		}
	})
}
