package stats

import (
	"context"
	"fmt"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
)

const (
	// keepAtLeast is the least time for which figures are cached, so that many boards cost one read.
	keepAtLeast = time.Second
	// Figures are cached for at least keepTimes the time that they took to read. So reads never use more than a tenth of one
	// connection, on any amount of data.
	keepTimes = 10
)

// Store counts.
type Store interface {
	// Stats returns the figures of a span from one snapshot, without At and Subscribers. OrdersByStatus has every status
	// and Throughput every step, in order. FORBIDDEN unless p is staff.
	Stats(ctx context.Context, p auth.Principal, span Span) (*Stats, error)
}

// Service answers with figures that are at most a second old, or older in proportion to the time of reading them. Its methods may
// be called concurrently.
type Service struct {
	store       Store
	subscribers func() int
	clock       order.Clock
	kept        map[Window]*kept
}

// kept has the last figures of a window. Only the holder of turn may read and replace them.
type kept struct {
	turn  chan struct{}
	stats *Stats
	until time.Time
}

// NewService returns the service over a store. subscribers tells how many subscriptions this process has open.
func NewService(store Store, subscribers func() int, clock order.Clock) *Service {
	s := &Service{store: store, subscribers: subscribers, clock: clock, kept: map[Window]*kept{}}
	for window := range grids {
		s.kept[window] = &kept{turn: make(chan struct{}, 1)}
	}
	return s
}

// Stats returns a window's figures, which the caller must not change. UNAUTHENTICATED or FORBIDDEN unless p is staff.
func (s *Service) Stats(ctx context.Context, p auth.Principal, w Window) (*Stats, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	stats, err := s.current(ctx, p, w)
	if err != nil {
		return nil, err
	}
	now := *stats
	now.Subscribers = s.subscribers()
	return &now, nil
}

// current returns cached figures or reads new ones, one call at a time for a window: a call that waited finds the figures of the
// one before it. All staff see the same figures, so it does not matter who asked.
func (s *Service) current(ctx context.Context, p auth.Principal, w Window) (*Stats, error) {
	k := s.kept[w]
	if k == nil {
		return nil, fmt.Errorf("unknown window %q", w)
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	begun := s.clock()
	if begun.Before(k.until) && !begun.Before(k.stats.At) { // unless the database's clock was set back
		return k.stats, nil
	}
	stats, err := s.store.Stats(ctx, p, SpanOf(w, begun))
	if err != nil {
		return nil, err
	}
	stats.At = begun
	ended := s.clock()
	k.stats, k.until = stats, ended.Add(max(keepAtLeast, keepTimes*ended.Sub(begun)))
	return stats, nil
}
