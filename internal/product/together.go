package product

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/groupcommit"
)

const (
	// readers read at the same time, the second only when the first is held up.
	readers = 2
	// readTogether callers at most.
	readTogether = 128
	// readTimeout ends a reading that the store does not answer.
	readTimeout = 25 * time.Second
)

type (
	byID = map[uuid.UUID]*Product
	// together reads for many callers at once: under load each order that is placed asks for prices, often the same. A
	// reading begins after all its callers have asked, so nobody gets what was true before; a lone caller waits for nothing.
	together = groupcommit.Group[[]uuid.UUID, byID]
)

func newTogether(read func(ctx context.Context, ids []uuid.UUID) (byID, error)) *together {
	return groupcommit.New(readers, readTogether, func(calls []*groupcommit.Call[[]uuid.UUID, byID]) {
		// None of the callers can end it for the others.
		ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
		defer cancel()
		asked := map[uuid.UUID]struct{}{}
		for _, c := range calls {
			for _, id := range c.In {
				asked[id] = struct{}{}
			}
		}
		ids := slices.SortedFunc(maps.Keys(asked), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
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
